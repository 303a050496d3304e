//! Fixtures for tests: hermetic git, temporary servers
