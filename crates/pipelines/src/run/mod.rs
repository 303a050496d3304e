//! The run of one workflow: a pure state machine.
