//! Incidents: grouping, causes, lifecycle
