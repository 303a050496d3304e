//! The first answer of a service: what it can do, and for pushes which refs there are.

use bytes::Bytes;

use super::{Protocol, Service};
use crate::error::StoreError;
use crate::packet::{FLUSH, write};
use crate::program;
use crate::store::Repository;

/// What [`super::receive()`] understands.
const RECEIVE_CAPABILITIES: &str = "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options \
     object-format=sha1 agent=boucle";

/// The body of `GET info/refs?service=…`. A push is always advertised in the first protocol: it has
/// no later one.
pub async fn advertise(
    repository: &Repository,
    service: Service,
    protocol: Protocol,
) -> Result<Bytes, StoreError> {
    let repository = repository.clone();
    let made = tokio::task::spawn_blocking(move || match (service, protocol) {
        (Service::ReceivePack, Protocol::V0 | Protocol::V1 | Protocol::V2) => {
            advertise_receive_pack(&repository, protocol)
        }
        (Service::UploadPack, Protocol::V2) => {
            repository.cached_advertisement(|| advertise_upload_pack(&repository, protocol))
        }
        (Service::UploadPack, Protocol::V0 | Protocol::V1) => {
            advertise_upload_pack(&repository, protocol)
        }
    });
    let bytes = made.await.map_err(|error| StoreError::read("the refs", error))??;
    Ok(Bytes::from(bytes))
}

fn announce(service: Service) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, format!("# service={}\n", service.name()).as_bytes());
    out.extend(FLUSH);
    out
}

fn advertise_upload_pack(
    repository: &Repository,
    protocol: Protocol,
) -> Result<Vec<u8>, StoreError> {
    let mut command = repository.command(None);
    command.env("GIT_PROTOCOL", protocol.variable());
    command.args(["upload-pack", "--stateless-rpc", "--http-backend-info-refs"]);
    command.arg(repository.path());
    let output = program::run_well(command, "upload-pack", b"")?;
    let mut out = announce(Service::UploadPack);
    out.extend(output);
    Ok(out)
}

fn advertise_receive_pack(
    repository: &Repository,
    protocol: Protocol,
) -> Result<Vec<u8>, StoreError> {
    let mut out = announce(Service::ReceivePack);
    if protocol == Protocol::V1 {
        write(&mut out, b"version 1\n");
    }
    let mut first = Some(RECEIVE_CAPABILITIES);
    for prefix in ["refs/heads/", "refs/tags/"] {
        for reference in repository.references(prefix)? {
            let mut line = format!("{} {}", reference.target, reference.name);
            if let Some(capabilities) = first.take() {
                line.push('\0');
                line.push_str(capabilities);
            }
            line.push('\n');
            write(&mut out, line.as_bytes());
        }
    }
    if let Some(capabilities) = first {
        let zero = "0".repeat(40);
        write(&mut out, format!("{zero} capabilities^{{}}\0{capabilities}\n").as_bytes());
    }
    out.extend(FLUSH);
    Ok(out)
}
