"""What the service counts and measures, for Prometheus: a name for each. It knows nothing of the rest.

Import the module, never a name of it: `metrics.swept_files.inc()`. A process that shares its numbers with others makes
all of these anew when it begins (`share`), and what was kept from before would count for nobody.
"""

import importlib
import sys
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, values
from prometheus_client.registry import Collector

from filmroom import metric_files

disable_created_metrics()  # when a counter began tells Prometheus nothing that it uses
values.ValueClass = metric_files.value_class()

REGISTRY = CollectorRegistry()
_counter = partial(Counter, namespace="filmroom", registry=REGISTRY)
_histogram = partial(Histogram, namespace="filmroom", registry=REGISTRY)
_total = partial(Gauge, namespace="filmroom", registry=REGISTRY, multiprocess_mode="livesum")
_largest = partial(Gauge, namespace="filmroom", registry=REGISTRY, multiprocess_mode="livemax")

# Seconds. Metadata and searches take a few milliseconds, a study of CT some seconds, a store over a slow line minutes.
_REQUEST = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
_CALL = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)
_COUNT = (1, 2, 4, 8, 16, 32, 64, 128, 256)

# --- Requests. `route` is a template of the table or "none", so there are no more of them than rows.
http_request_duration_seconds = _histogram(
    "http_request_duration_seconds",
    "From the head of a request to the end of its answer.",
    ["route", "method", "status"],
    buckets=_REQUEST,
)
http_refused = _counter("http_refused", "Answers that are errors, by their status.", ["status"])
http_received_bytes = _counter("http_received_bytes", "Bytes of the bodies of requests.", ["route", "method"])
http_sent_bytes = _counter("http_sent_bytes", "Bytes of the bodies of answers.", ["route", "method"])
http_broken_off = _counter("http_broken_off", "Answers that ended in their midst, for an error.", ["route", "method"])
http_requests_in_flight = _total("http_requests_in_flight", "Requests under way.")

# --- What a web worker has
threads = _total("threads", "Threads in which requests are worked on.")
threads_busy = _total("threads_busy", "Threads at work.")
threads_waiting = _total("threads_waiting", "Calls that wait for a thread.")
event_loop_delay_seconds = _largest("event_loop_delay_seconds", "By how much the event loop was late lately.")
process_start_time_seconds = _largest("process_start_time_seconds", "When a process began.", ["process"])
process_resident_memory_bytes = _largest("process_resident_memory_bytes", "Memory of a process.", ["process"])

# --- Store
store_instances = _counter(
    "store_instances", "What became of Instances sent, by Failure or Warning Reason.", ["outcome", "reason"]
)
group_commit_requests = _histogram("group_commit_requests", "Requests of one commit.", buckets=_COUNT)
group_commit_instances = _histogram("group_commit_instances", "Instances of one commit.", buckets=_COUNT)

# --- Who asks, and what is written down of it
identity_provider_failing = _largest(
    "identity_provider_failing", "Whether the last question to the identity provider failed."
)
audit_failing = _largest("audit_failing", "Whether the audit trail can't be written.")
audit_lines = _counter("audit_lines", "Lines that were written to the audit trail.")
audit_lost = _counter("audit_lost", "Lines that the audit trail will never have.")
audit_alerts = _counter("audit_alerts", "Security alerts: addresses that were refused again and again.")
audit_syslog_failing = _largest("audit_syslog_failing", "Whether nothing can be sent to the syslog receiver.")

# --- Index, blobs, cache, codecs
index_connections = _total("index_connections", "Connections that the index may have open.")
index_connections_busy = _total("index_connections_busy", "Connections of the index in a transaction.")
index_transaction_seconds = _histogram(
    "index_transaction_seconds",
    "Transactions of the index, the wait for one's turn with them.",
    ["kind"],
    buckets=_CALL,
)
blob_call_seconds = _histogram(
    "blob_call_seconds",
    "Calls of the blob store; of what is streamed until it begins.",
    ["store", "call"],
    buckets=_CALL,
)
blob_errors = _counter("blob_errors", "Calls of the blob store that failed.", ["store", "call", "error"])
cache_requests = _counter("cache_requests", "Looks into a cache.", ["cache", "result"])
cache_looks = {  # by whether it had it; looked up here once, for that takes as long as to count
    cache: {found: cache_requests.labels(cache, result) for found, result in ((True, "hit"), (False, "miss"))}
    for cache in ("partitions", "rendered")
}
codec_processes = _total("codec_processes", "Codec processes that there may be.")
codec_processes_busy = _total("codec_processes_busy", "Codec processes at work.")
codec_wait_seconds = _histogram("codec_wait_seconds", "Waits for a free codec process.", buckets=_CALL)
codec_call_seconds = _histogram("codec_call_seconds", "What a codec process was held for.", buckets=_CALL)

# --- Long operations. How many there are in which state is asked of the index at a scrape (server/exposition.py).
operation_batches = _counter("operation_batches", "Transactions of long operations.", ["operation"])
operations_ended = _counter(
    "operations_ended", "Long operations that a worker was done with.", ["operation", "outcome"]
)
swept_files = _counter("swept_files", "Files that sweeps removed.")


def share(folder: Path, place: str) -> None:
    """Count in the files of a place from now on. Before anything is counted, and once in a process."""
    with metric_files.joining(folder, place):
        importlib.reload(sys.modules[__name__])  # the library decides where a number lies when it is made


def collector() -> Collector | CollectorRegistry:
    """The numbers of all processes, to be read in a thread: it takes some milliseconds."""
    return metric_files.collector() or REGISTRY
