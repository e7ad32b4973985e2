//! Alerts and daemon state over MQTT, commands back
