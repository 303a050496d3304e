//! `ls-refs` of protocol 2 without a process: the most frequent request of all.

use std::io;

use tokio::io::AsyncRead;

use crate::error::StoreError;
use crate::packet::{self, FLUSH, Packet, write};
use crate::references::Reference;
use crate::store::Repository;

/// The namespaces that are not listed unless they are asked for.
const HIDDEN: [&str; 2] = ["refs/changes/", "refs/boucle/"];

/// The arguments of `ls-refs`, by gitprotocol-v2(5).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ListRefs {
    symrefs: bool,
    peel: bool,
    unborn: bool,
    prefixes: Vec<String>,
}

/// Reads the rest of a request, from after its `command=ls-refs` packet.
pub(crate) async fn read(input: &mut (impl AsyncRead + Unpin)) -> io::Result<ListRefs> {
    let mut arguments = ListRefs::default();
    let mut after_delimiter = false;
    while let Some(packet) = packet::read(input).await? {
        match packet {
            Packet::Flush | Packet::ResponseEnd => break,
            Packet::Delimiter => after_delimiter = true,
            // Before the delimiter the client says who it is.
            Packet::Data(_) if !after_delimiter => {}
            Packet::Data(content) => match packet::text(&content).as_str() {
                "symrefs" => arguments.symrefs = true,
                "peel" => arguments.peel = true,
                "unborn" => arguments.unborn = true,
                other => match other.strip_prefix("ref-prefix ") {
                    Some(prefix) => arguments.prefixes.push(prefix.into()),
                    None => {
                        let text = format!("`{other}` is not an argument of ls-refs");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                    }
                },
            },
        }
    }
    Ok(arguments)
}

/// The answer.
pub(crate) fn answer(repository: &Repository, arguments: &ListRefs) -> Result<Vec<u8>, StoreError> {
    let references = repository.references("refs/")?;
    let mut out = Vec::new();
    if arguments.wants("HEAD") {
        write_head(repository, arguments, &references, &mut out)?;
    }
    for reference in &references {
        if !arguments.wants(reference.name.as_str()) {
            continue;
        }
        let mut line = format!("{} {}", reference.target, reference.name);
        if let Some(peeled) = reference.peeled.as_ref().filter(|_| arguments.peel) {
            line.push_str(&format!(" peeled:{peeled}"));
        }
        line.push('\n');
        write(&mut out, line.as_bytes());
    }
    out.extend(FLUSH);
    Ok(out)
}

fn write_head(
    repository: &Repository,
    arguments: &ListRefs,
    references: &[Reference],
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let local = repository.local();
    let head = local.head_name().map_err(|error| StoreError::read("HEAD", error))?;
    let Some(branch) = head.map(|name| name.as_bstr().to_string()) else { return Ok(()) };
    let target = references.iter().find(|one| one.name.as_str() == branch);
    let mut line = match target {
        Some(reference) => format!("{} HEAD", reference.target),
        None if arguments.unborn => "unborn HEAD".to_owned(),
        None => return Ok(()),
    };
    if arguments.symrefs {
        line.push_str(&format!(" symref-target:{branch}"));
    }
    line.push('\n');
    write(out, line.as_bytes());
    Ok(())
}

impl ListRefs {
    fn wants(&self, name: &str) -> bool {
        let hidden = HIDDEN.iter().find(|namespace| name.starts_with(**namespace));
        let asked = |prefix: &String| {
            name.starts_with(prefix.as_str())
                && hidden.is_none_or(|namespace| prefix.starts_with(namespace))
        };
        (self.prefixes.is_empty() && hidden.is_none()) || self.prefixes.iter().any(asked)
    }
}
