//! OPC UA: subscriptions and browsing
