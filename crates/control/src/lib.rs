//! The loop itself: promote, verify, roll back
