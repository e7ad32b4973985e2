//! MQTT 3.1.1: JSON payloads mapped by path, and browsing
