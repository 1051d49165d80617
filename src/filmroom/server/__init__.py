"""The HTTP face: handlers that read a request, call one service function and write a response."""
