//! Builds the root file system of a sandbox and moves into it.
//!
//! A small file system in memory takes the machine's root as `/oldroot` and the new root as
//! `/newroot` (so that no source is ever covered), is filled, and then left behind.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::pivot_root;

use super::privileges::Paths;
use super::{During as _, Failure};
use crate::protections::{Protection, Protections, Strength};
use crate::spec::{Bind, Overlay, Root, Spec};

const NEW_ROOT: &str = "/newroot";
const OLD_ROOT: &str = "/oldroot";
/// Folders of every Linux, or links on those that merged them into `/usr`; `/nix` holds the
/// system folders of NixOS.
const SYSTEM_FOLDERS: &[&str] = &["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix"];
/// What programs need of `/etc` to find their libraries and certificates. Passwords, keys and
/// host names of the machine are not in it.
const ETC_FILES: &[&str] = &[
    "ld.so.cache",
    "ld.so.conf",
    "localtime",
    "timezone",
    "mime.types",
    "protocols",
    "services",
    "os-release",
    "debian_version",
    "ssl/openssl.cnf",
];
const ETC_NETWORK_FILES: &[&str] = &["resolv.conf", "gai.conf", "hosts"];
const ETC_FOLDERS: &[&str] = &[
    "alternatives",
    "ld.so.conf.d",
    "ssl/certs",
    "ca-certificates",
    "pki/ca-trust",
    "pki/tls/certs",
    "crypto-policies",
    "fonts",
];
/// A larger file of `/etc` is not one of the above, whatever its name.
const ETC_FILE_BYTES_MAX: u64 = 4 << 20;
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n";
/// Parts of `/proc` through which root without capabilities could still change the machine.
const PROC_READ_ONLY: &[&str] = &["bus", "fs", "irq", "sys", "sysrq-trigger"];
const PROC_HIDDEN: &[&str] = &["kcore", "keys", "timer_list", "latency_stats"];
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// Builds the root, moves into it, and says what Landlock shall leave open.
pub(super) fn enter(spec: &Spec, protections: &mut Protections) -> Result<Paths, Failure> {
    // Sources are resolved while the machine's root is still `/`.
    let root = resolve_root(&spec.root)?;
    let overlays = spec.overlays.iter().map(resolve_overlay).collect::<Result<Vec<_>, _>>()?;
    let binds = spec.binds.iter().map(resolve_bind).collect::<Result<Vec<_>, _>>()?;
    let host_network = spec.network == crate::spec::Network::Host;
    let etc = read_etc(host_network, &spec.hostname);
    let mounted = mounted_below();
    step_aside()?;
    let builder = Builder { mounted };
    builder.root(&root)?;
    builder.system(&root)?;
    if !matches!(root, Root::Overlay { .. }) {
        builder.etc(&etc)?;
    }
    if let Root::Image { folder } = &root {
        builder.image(folder)?;
    }
    builder.private_folders()?;
    builder.devices()?;
    builder.processes(protections)?;
    for overlay in &overlays {
        let target = builder.mount_point(&overlay.target, true)?;
        mount_overlay(overlay, &target)?;
    }
    for bind in &binds {
        builder.bind_at(bind)?;
    }
    leave(matches!(root, Root::Overlay { .. }))?;
    Ok(open_paths(spec))
}

fn open_paths(spec: &Spec) -> Paths {
    let mut writable: Vec<PathBuf> =
        ["/tmp", "/home", "/root", "/run", "/dev", "/proc"].map(PathBuf::from).into();
    writable.extend(spec.overlays.iter().map(|overlay| overlay.target.clone()));
    writable.extend(spec.binds.iter().filter(|bind| bind.writable).map(|bind| bind.target.clone()));
    if matches!(spec.root, Root::Overlay { .. }) {
        writable.push(PathBuf::from("/"));
    }
    Paths { readable: vec![PathBuf::from("/")], writable: super::privileges::existing(writable) }
}

fn canonical(path: &Path) -> Result<PathBuf, Failure> {
    fs::canonicalize(path).during(|| format!("find {}", path.display()))
}

fn resolve_root(root: &Root) -> Result<Root, Failure> {
    Ok(match root {
        Root::System => Root::System,
        Root::Image { folder } => Root::Image { folder: canonical(folder)? },
        Root::Overlay { lower, upper, work } => Root::Overlay {
            lower: lower.iter().map(|path| canonical(path)).collect::<Result<_, _>>()?,
            upper: canonical(upper)?,
            work: canonical(work)?,
        },
    })
}

fn resolve_overlay(overlay: &Overlay) -> Result<Overlay, Failure> {
    Ok(Overlay {
        lower: overlay.lower.iter().map(|path| canonical(path)).collect::<Result<_, _>>()?,
        upper: canonical(&overlay.upper)?,
        work: canonical(&overlay.work)?,
        target: overlay.target.clone(),
    })
}

fn resolve_bind(bind: &Bind) -> Result<Bind, Failure> {
    Ok(Bind { source: canonical(&bind.source)?, ..bind.clone() })
}

/// The small files of `/etc`, by name and content.
fn read_etc(host_network: bool, hostname: &str) -> Vec<(String, Vec<u8>)> {
    let hosts = format!("127.0.0.1 localhost {hostname}\n::1 localhost\n");
    let mut files = vec![
        ("passwd".to_owned(), PASSWD.into()),
        ("group".to_owned(), GROUP.into()),
        ("nsswitch.conf".to_owned(), NSSWITCH.into()),
        ("hosts".to_owned(), hosts.into_bytes()),
        ("hostname".to_owned(), format!("{hostname}\n").into_bytes()),
    ];
    let network = if host_network { ETC_NETWORK_FILES } else { &[] };
    for name in ETC_FILES.iter().chain(network) {
        let path = Path::new("/etc").join(name);
        let fits = fs::metadata(&path)
            .is_ok_and(|meta| meta.is_file() && meta.len() <= ETC_FILE_BYTES_MAX);
        // Not every Linux has each of them.
        if let Some(content) = fits.then(|| fs::read(&path).ok()).flatten() {
            files.retain(|(other, _)| other != name);
            files.push(((*name).to_owned(), content));
        }
    }
    files
}

/// The mount points of the machine, to find those that a bind brings along.
fn mounted_below() -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split(' ').nth(4))
        // The kernel writes a space as \040; such a mount point is met by its real name.
        .map(|point| PathBuf::from(point.replace("\\040", " ").replace("\\134", "\\")))
        .collect()
}

fn step_aside() -> Result<(), Failure> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .during(|| "make the mounts private".into())?;
    mount_memory("/tmp", "mode=0755").during(|| "mount a base for the new root".into())?;
    for folder in ["/tmp/newroot", "/tmp/oldroot"] {
        fs::create_dir(folder).during(|| format!("create {folder}"))?;
    }
    pivot_root("/tmp", "/tmp/oldroot").during(|| "step aside from the machine's root".into())?;
    std::env::set_current_dir("/").during(|| "enter the base".into())
}

fn leave(writable_root: bool) -> Result<(), Failure> {
    let stage = || "enter the new root".to_owned();
    std::env::set_current_dir(NEW_ROOT).during(stage)?;
    pivot_root(".", ".").during(stage)?;
    umount2(".", MntFlags::MNT_DETACH).during(|| "leave the machine's root".into())?;
    std::env::set_current_dir("/").during(stage)?;
    if writable_root {
        return Ok(());
    }
    remount(Path::new("/"), true).during(|| "make the root read-only".into())
}

fn mount_memory(target: impl AsRef<Path>, options: &str) -> nix::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), target.as_ref(), Some("tmpfs"), flags, Some(options))
}

/// Keeps the flags that the mount has: in a user namespace they are locked.
fn remount(target: &Path, read_only: bool) -> nix::Result<()> {
    let current = statvfs(target)?.flags();
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID;
    let kept = [
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
    ];
    for (is, keep) in kept {
        if current.contains(is) {
            flags |= keep;
        }
    }
    if read_only {
        flags |= MsFlags::MS_RDONLY;
    }
    let none = None::<&str>;
    mount(none, target, none, flags, none)
}

/// Where a path of the machine is while the new root is built.
fn old(path: &Path) -> PathBuf {
    Path::new(OLD_ROOT).join(path.strip_prefix("/").unwrap_or(path))
}

fn mount_overlay(overlay: &Overlay, target: &Path) -> Result<(), Failure> {
    let stage = || format!("lay {} over its lower folders", overlay.target.display());
    // overlayfs splits its options at commas and its layers at colons.
    let escape = |path: &Path| {
        let text = old(path).to_string_lossy().into_owned();
        text.replace('\\', "\\\\").replace(',', "\\,").replace(':', "\\:")
    };
    let lower = overlay.lower.iter().map(|path| escape(path)).collect::<Vec<_>>().join(":");
    let (upper, work) = (escape(&overlay.upper), escape(&overlay.work));
    // Without lower folders there is nothing to lay over.
    if lower.is_empty() {
        let none = None::<&str>;
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        return mount(Some(&old(&overlay.upper)), target, none, flags, none).during(stage);
    }
    let plain = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    let attempt = |options: &str| {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("overlay"), target, Some("overlay"), flags, Some(options))
    };
    // Root of a user namespace may write only user attributes.
    attempt(&plain).or_else(|_| attempt(&format!("{plain},userxattr"))).during(stage)
}

struct Builder {
    mounted: Vec<PathBuf>,
}

impl Builder {
    fn root(&self, root: &Root) -> Result<(), Failure> {
        match root {
            Root::System | Root::Image { .. } => {
                mount_memory(NEW_ROOT, "mode=0755").during(|| "mount the new root".into())
            }
            Root::Overlay { lower, upper, work } => {
                let (lower, upper, work) = (lower.clone(), upper.clone(), work.clone());
                let overlay = Overlay { lower, upper, work, target: PathBuf::from("/") };
                mount_overlay(&overlay, Path::new(NEW_ROOT))
            }
        }
    }

    fn system(&self, root: &Root) -> Result<(), Failure> {
        for name in SYSTEM_FOLDERS {
            let source = Path::new("/").join(name);
            let target = Path::new(NEW_ROOT).join(name);
            // Absent on this Linux, or present in the overlay.
            let Ok(meta) = fs::symlink_metadata(old(&source)) else { continue };
            if fs::symlink_metadata(&target).is_ok() {
                continue;
            }
            if meta.is_symlink() {
                if shadows(root, name) {
                    continue;
                }
                let link = fs::read_link(old(&source)).during(|| format!("read /{name}"))?;
                symlink(link, &target).during(|| format!("link /{name}"))?;
            } else if meta.is_dir() {
                fs::create_dir(&target).during(|| format!("create /{name}"))?;
                self.bind(&source, &target, false)?;
            }
        }
        Ok(())
    }

    fn etc(&self, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
        for (name, content) in files {
            let target = Path::new(NEW_ROOT).join("etc").join(name);
            let parent = target.parent().unwrap_or(Path::new(NEW_ROOT));
            fs::create_dir_all(parent).during(|| "create /etc".into())?;
            fs::write(&target, content).during(|| format!("write /etc/{name}"))?;
        }
        for name in ETC_FOLDERS {
            let source = Path::new("/etc").join(name);
            // A link of the machine may lead anywhere; a plain folder is what is meant here.
            if !fs::symlink_metadata(old(&source)).is_ok_and(|meta| meta.is_dir()) {
                continue;
            }
            let target = Path::new(NEW_ROOT).join("etc").join(name);
            fs::create_dir_all(&target).during(|| format!("create /etc/{name}"))?;
            self.bind(&source, &target, false)?;
        }
        Ok(())
    }

    /// Lays each entry of the image over what the system has under the same name.
    fn image(&self, folder: &Path) -> Result<(), Failure> {
        let entries = fs::read_dir(old(folder)).during(|| "read the image's root".into())?;
        for entry in entries {
            let entry = entry.during(|| "read the image's root".into())?;
            let name = entry.file_name();
            let stage = || format!("place /{} of the image", name.display());
            let kind = entry.file_type().during(stage)?;
            let (source, target) = (folder.join(&name), Path::new(NEW_ROOT).join(&name));
            if ["proc", "dev", "sys", "tmp"].iter().any(|private| name == *private) {
                continue;
            }
            if kind.is_symlink() {
                if fs::symlink_metadata(&target).is_err() {
                    let link = fs::read_link(entry.path()).during(stage)?;
                    symlink(link, &target).during(stage)?;
                }
            } else if !kind.is_dir() {
                self.bind_onto(&source, &target, false)?;
            } else {
                self.image_folder(&source, &target)?;
            }
        }
        Ok(())
    }

    fn image_folder(&self, source: &Path, target: &Path) -> Result<(), Failure> {
        let stage = || format!("lay {} over the system", source.display());
        let name = target.file_name().unwrap_or_default();
        // What the system has under this name: a folder placed already (`/usr`, `/etc`), or the
        // folder behind a link that was left out for the image (`/bin` to `usr/bin`).
        let system = if target.is_dir() {
            Some(target.to_owned())
        } else {
            fs::canonicalize(old(&Path::new("/").join(name)))
                .ok()
                .filter(|_| SYSTEM_FOLDERS.iter().any(|folder| name == *folder))
                .or_else(|| linked(name))
        };
        fs::create_dir_all(target).during(stage)?;
        let Some(system) = system.filter(|folder| folder.is_dir()) else {
            return self.bind(source, target, false);
        };
        let escape = |path: &Path| {
            path.to_string_lossy().replace('\\', "\\\\").replace(',', "\\,").replace(':', "\\:")
        };
        let lower = format!("lowerdir={}:{}", escape(&old(source)), escape(&system));
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
        mount(Some("overlay"), target, Some("overlay"), flags, Some(lower.as_str())).during(stage)
    }

    fn private_folders(&self) -> Result<(), Failure> {
        for (name, options) in [
            ("tmp", "mode=1777"),
            ("home", "mode=0755"),
            ("root", "mode=0700"),
            ("run", "mode=0755"),
        ] {
            let target = self.mount_point(&Path::new("/").join(name), true)?;
            mount_memory(&target, options).during(|| format!("mount /{name}"))?;
        }
        let var = self.mount_point(Path::new("/var"), true)?;
        if fs::symlink_metadata(var.join("tmp")).is_err() {
            // An image's own /var is read-only: then it has no place for passing files, rightly.
            let _ = symlink("/tmp", var.join("tmp"));
        }
        Ok(())
    }

    fn devices(&self) -> Result<(), Failure> {
        let target = self.mount_point(Path::new("/dev"), true)?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        mount(Some("tmpfs"), &target, Some("tmpfs"), flags, Some("mode=0755"))
            .during(|| "mount /dev".into())?;
        for name in DEVICES {
            let (source, place) = (Path::new("/dev").join(name), target.join(name));
            if old(&source).exists() {
                fs::write(&place, "").during(|| format!("create /dev/{name}"))?;
                let none = None::<&str>;
                mount(Some(&old(&source)), &place, none, MsFlags::MS_BIND, none)
                    .during(|| format!("place /dev/{name}"))?;
            }
        }
        for (name, link) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
            ("ptmx", "pts/ptmx"),
        ] {
            symlink(link, target.join(name)).during(|| format!("link /dev/{name}"))?;
        }
        for name in ["shm", "pts"] {
            fs::create_dir(target.join(name)).during(|| format!("create /dev/{name}"))?;
        }
        mount_memory(target.join("shm"), "mode=1777").during(|| "mount /dev/shm".into())?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        let options = "newinstance,ptmxmode=0666,mode=0620";
        // Terminals are a comfort: a kernel without them still runs builds.
        let _ = mount(Some("devpts"), &target.join("pts"), Some("devpts"), flags, Some(options));
        Ok(())
    }

    fn processes(&self, protections: &mut Protections) -> Result<(), Failure> {
        let target = self.mount_point(Path::new("/proc"), true)?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        if let Err(error) = mount(Some("proc"), &target, Some("proc"), flags, None::<&str>) {
            // Containers that hide parts of /proc forbid a new one to their user namespaces.
            let reason = format!("/proc is empty, a new one was refused: {error}");
            protections.set(Protection::PidNamespace, Strength::Weakened { reason });
            return Ok(());
        }
        for name in PROC_READ_ONLY {
            let path = target.join(name);
            if path.exists() {
                let none = None::<&str>;
                mount(Some(&path), &path, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
                    .and_then(|()| remount(&path, true))
                    .during(|| format!("make /proc/{name} read-only"))?;
            }
        }
        let null = Path::new(NEW_ROOT).join("dev/null");
        for name in PROC_HIDDEN {
            let path = target.join(name);
            if path.exists() {
                mount(Some(&null), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
                    .during(|| format!("hide /proc/{name}"))?;
            }
        }
        Ok(())
    }

    fn bind_at(&self, bind: &Bind) -> Result<(), Failure> {
        let folder = old(&bind.source).is_dir();
        let target = self.mount_point(&bind.target, folder)?;
        self.bind(&bind.source, &target, bind.writable)
    }

    fn bind_onto(&self, source: &Path, target: &Path, writable: bool) -> Result<(), Failure> {
        if fs::symlink_metadata(target).is_err() {
            fs::write(target, "").during(|| format!("create {}", inside(target).display()))?;
        }
        self.bind(source, target, writable)
    }

    /// Binds with all that is mounted below, and makes every part of it read-only.
    fn bind(&self, source: &Path, target: &Path, writable: bool) -> Result<(), Failure> {
        let stage = || format!("bind {} to {}", source.display(), inside(target).display());
        let none = None::<&str>;
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(&old(source)), target, none, flags, none).during(stage)?;
        remount(target, !writable).during(stage)?;
        for point in &self.mounted {
            let Ok(below) = point.strip_prefix(source) else { continue };
            let place = target.join(below);
            // A mount that was covered by a later one has no path of its own.
            if !below.as_os_str().is_empty() && fs::symlink_metadata(&place).is_ok() {
                remount(&place, !writable).during(stage)?;
            }
        }
        Ok(())
    }

    /// Creates the place where something is mounted. A link on the way is refused: whoever made
    /// the image or the workspace could point it at a folder of the machine.
    fn mount_point(&self, path: &Path, folder: bool) -> Result<PathBuf, Failure> {
        let stage = || format!("make a place for {}", path.display());
        let mut target = PathBuf::from(NEW_ROOT);
        let mut parts = path.components().peekable();
        if parts.next() != Some(Component::RootDir) {
            return Err(Failure::setup(stage(), "the path is not absolute"));
        }
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else {
                return Err(Failure::setup(stage(), "the path has `..` in it"));
            };
            target.push(name);
            let last = parts.peek().is_none();
            match fs::symlink_metadata(&target) {
                Ok(meta) if meta.is_symlink() => {
                    let reason = format!("{} is a symbolic link", inside(&target).display());
                    return Err(Failure::setup(stage(), reason));
                }
                Ok(_) => {}
                Err(_) if last && !folder => {
                    let mut options = fs::OpenOptions::new();
                    options.write(true).create_new(true).mode(0o644);
                    options.open(&target).during(stage)?;
                }
                Err(_) => fs::create_dir(&target).during(stage)?,
            }
        }
        Ok(target)
    }
}

/// Whether the image brings a folder where the system has a link.
fn shadows(root: &Root, name: &str) -> bool {
    match root {
        Root::Image { folder } => {
            fs::symlink_metadata(old(&folder.join(name))).is_ok_and(|meta| meta.is_dir())
        }
        Root::System | Root::Overlay { .. } => false,
    }
}

/// The system folder behind a link of the machine's root, while that is at `/oldroot`.
fn linked(name: &std::ffi::OsStr) -> Option<PathBuf> {
    if !SYSTEM_FOLDERS.iter().any(|folder| name == *folder) {
        return None;
    }
    let link = fs::read_link(Path::new(OLD_ROOT).join(name)).ok()?;
    let below = link.strip_prefix("/").unwrap_or(&link);
    Some(Path::new(NEW_ROOT).join(below))
}

/// The path as the program will see it.
fn inside(target: &Path) -> PathBuf {
    Path::new("/").join(target.strip_prefix(NEW_ROOT).unwrap_or(target))
}
