//! Push policy, pull requests, reviews, owners and merge rules
