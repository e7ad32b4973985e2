//! The versioned JSON that leaves and enters the daemon
