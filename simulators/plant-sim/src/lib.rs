//! A simulated plant with physics, faults and a ground truth, served over Modbus, OPC UA and MQTT
