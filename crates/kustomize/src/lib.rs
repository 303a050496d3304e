//! A Kustomize engine: files in, manifests out
