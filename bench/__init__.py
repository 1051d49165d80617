"""The benchmarks: `python -m bench`, explained in docs/benchmarks.md."""
