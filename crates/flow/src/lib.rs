//! Machine states and losses of a station
