//! Keys and tokens of one control plane; nothing of them outlives it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::{Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

/// What precedes the point of every public key on this curve (RFC 5480).
const PUBLIC_KEY_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Writes the key of service accounts into the folder; gives the token of a user with all rights.
pub(super) fn write(folder: &Path) -> Result<String> {
    let token = add_user(folder, "administrator", "system:masters")?;
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random)
        .map_err(|_| anyhow!("no key could be made"))?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random)
        .map_err(|error| anyhow!("the made key cannot be read: {error}"))?;
    let public = [&PUBLIC_KEY_PREFIX, pair.public_key().as_ref()].concat();
    fs::write(folder.join("accounts.pub"), pem("PUBLIC KEY", &public))?;
    fs::write(folder.join("accounts.key"), pem("PRIVATE KEY", made.as_ref()))?;
    Ok(token)
}

/// One more user for an API server that starts later; gives its token.
pub(super) fn add_user(folder: &Path, name: &str, group: &str) -> Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow!("no random numbers"))?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = File::options().create(true).append(true).open(folder.join("tokens.csv"))?;
    writeln!(file, "{token},{name},{name},\"{group}\"")?;
    Ok(token)
}

/// Writes a client's certificate that signs itself and its key, as `NAME.crt` and `NAME.key`.
pub(super) fn write_client(folder: &Path, name: &str) -> Result<()> {
    let key = rcgen::KeyPair::generate()?;
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = parameters.self_signed(&key)?;
    fs::write(folder.join(format!("{name}.crt")), certificate.pem())?;
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
    Ok(())
}

fn pem(label: &str, bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    let lines: Vec<&str> =
        (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
