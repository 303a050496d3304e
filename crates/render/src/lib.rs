//! Turns a tree of files into manifests
