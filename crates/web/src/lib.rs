//! HTTP API, live stream, metrics and the supervisor's page
