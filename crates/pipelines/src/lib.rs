//! The workflow language, the run state machine and gates
