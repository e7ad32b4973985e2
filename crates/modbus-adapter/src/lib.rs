//! Modbus TCP: polling, decoding, browsing
