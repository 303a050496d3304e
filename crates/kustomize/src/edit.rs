//! Small edits of a kustomization file that leave every other byte as it is.

mod images;

pub use images::{EditError, ImageEdit, image_digest, set_image};
