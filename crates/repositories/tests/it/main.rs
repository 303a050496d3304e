//! The decisions about repositories, by data.

mod access;
mod codeowners;
mod push;
mod reviews;
mod view;
