//! Between the ledger's ids and the object library's.

use gix::ObjectId;
use ledger::{CommitId, TreeId};

pub(crate) fn commit_id(id: ObjectId) -> CommitId {
    CommitId::new(id.to_hex().to_string()).unwrap_or_else(|_| panic!("SHA-1 has 40 digits"))
}

pub(crate) fn tree_id(id: ObjectId) -> TreeId {
    TreeId::new(id.to_hex().to_string()).unwrap_or_else(|_| panic!("SHA-1 has 40 digits"))
}

pub(crate) fn object_id(id: ObjectId) -> ledger::ObjectId {
    ledger::ObjectId::new(id.to_hex().to_string()).unwrap_or_else(|_| panic!("SHA-1 has 40 digits"))
}

/// The library's id of one of the ledger's ids, which are 40 hexadecimal digits by their types.
pub(crate) fn raw(text: &str) -> ObjectId {
    ObjectId::from_hex(text.as_bytes()).unwrap_or_else(|_| panic!("`{text}` is not an object id"))
}
