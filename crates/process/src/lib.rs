//! What a weld, a tightening, a dispense, a leak test, a coolant loop and a robot cycle is: features of a cycle
