//! The store against the real `git`: over HTTP, and on disk.

#[cfg(test)]
mod browse;
#[cfg(test)]
mod fetch;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod merging;
#[cfg(test)]
mod push;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod server;
#[cfg(test)]
mod writing;
