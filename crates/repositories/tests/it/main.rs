//! The decisions about repositories, by data.

#[cfg(test)]
mod access;
#[cfg(test)]
mod codeowners;
#[cfg(test)]
mod people;
#[cfg(test)]
mod push;
#[cfg(test)]
mod reviews;
#[cfg(test)]
mod view;
