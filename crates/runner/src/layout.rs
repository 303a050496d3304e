//! The folders of one job, on the machine and as the job sees them.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// The folders of one job. Everything is removed when it is over, except the log.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The job's folder on the machine.
    pub folder: PathBuf,
    /// Changes to the workspace, or the whole of it without an overlay.
    pub upper: PathBuf,
    /// For the overlay.
    pub work: PathBuf,
    /// `HOME`.
    pub home: PathBuf,
    /// `/tmp`.
    pub temporary: PathBuf,
    /// Scripts and what is handed in; the job can only read it.
    pub exchange: PathBuf,
    /// The steps' command files. The job may put anything there, so nothing in it is followed.
    pub commands: PathBuf,
    /// The same as the job sees them.
    pub inside: Inside,
}

/// A job's folders as the job sees them.
#[derive(Debug, Clone)]
pub struct Inside {
    /// `GITHUB_WORKSPACE`.
    pub workspace: String,
    /// `HOME`.
    pub home: String,
    /// `TMPDIR`.
    pub temporary: String,
    /// Scripts and what is handed in.
    pub exchange: String,
    /// The steps' command files.
    pub commands: String,
}

impl Layout {
    /// Makes the folders below `folder`, which must not exist. Without mounts the job sees them
    /// where they are.
    pub fn create(folder: PathBuf, mounts: bool) -> io::Result<Self> {
        let path = |name: &str| folder.join(name);
        let (upper, work, home) = (path("upper"), path("work"), path("home"));
        let (temporary, exchange, commands) = (path("tmp"), path("exchange"), path("commands"));
        for made in [&upper, &work, &home, &temporary, &exchange, &commands] {
            fs::create_dir_all(made)?;
        }
        let place = |inside: &str, outside: &Path| {
            if mounts { inside.to_owned() } else { outside.display().to_string() }
        };
        let inside = Inside {
            workspace: place("/workspace", &upper),
            home: place("/home/runner", &home),
            temporary: place("/tmp", &temporary),
            exchange: place("/boucle/scripts", &exchange),
            commands: place("/boucle/commands", &commands),
        };
        Ok(Self { folder, upper, work, home, temporary, exchange, commands, inside })
    }

    /// Makes an empty command file; whatever the job put in its place is removed, never followed.
    pub fn create_command_file(&self, name: &str) -> io::Result<()> {
        let path = self.commands.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new().write(true).create_new(true).open(path).map(|_| ())
    }

    /// Reads a command file up to `limit_bytes` and one more, so that the caller sees when it is
    /// larger. Anything but a plain file counts as empty: a link would be read with our rights.
    pub fn read_command_file(&self, name: &str, limit_bytes: usize) -> io::Result<String> {
        let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
        let opened =
            OpenOptions::new().read(true).custom_flags(flags).open(self.commands.join(name));
        let Ok(file) = opened else { return Ok(String::new()) };
        if !file.metadata()?.is_file() {
            return Ok(String::new());
        }
        let mut bytes = Vec::new();
        file.take(limit_bytes as u64 + 1).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Removes a folder that a job wrote to, whose folders may not be writable.
pub fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(folder)?;
            fs::remove_dir_all(folder)
        }
        result => result,
    }
}

fn make_writable(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

/// Copies a folder; symbolic links stay links, everything else than files and folders is left out.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
