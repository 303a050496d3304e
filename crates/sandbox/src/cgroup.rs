//! Control groups: limits of a whole process tree, by writing files (v2 when delegated, else v1).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::protections::{Protection, Protections, Strength};
use crate::spec::Limits;

/// Every group of ours is a folder with this prefix, the server's process number and a counter.
const PREFIX: &str = "boucle-";
/// The scheduler's period for processor shares, the kernel's own default.
const CPU_PERIOD_US: u64 = 100_000;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// The folders made for one program; one per hierarchy.
#[derive(Debug, Default)]
pub(crate) struct Group {
    folders: Vec<PathBuf>,
    memory: Option<Memory>,
}

#[derive(Debug)]
enum Memory {
    V1(PathBuf),
    V2(PathBuf),
}

impl Drop for Group {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Group {
    /// Makes the folders and writes the limits; says in `protections` what holds.
    pub(crate) fn create(limits: &Limits, protections: &mut Protections) -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let places = Places::read();
        let mut group = Self::default();
        if let Some(bytes) = limits.memory_bytes {
            let made = group.limit_memory(&places, &name, bytes);
            note(protections, Protection::MemoryLimit, made);
        }
        if let Some(count) = limits.processes {
            let made = group
                .folder(&places, "pids", &name)
                .and_then(|(folder, _)| write(&folder.join("pids.max"), &count.to_string()));
            note(protections, Protection::ProcessLimit, made);
        }
        if let Some(millicores) = limits.cpu_millicores {
            let made = group.limit_cpu(&places, &name, millicores);
            note(protections, Protection::CpuLimit, made);
        }
        group
    }

    fn limit_memory(&mut self, places: &Places, name: &str, bytes: u64) -> Result<(), String> {
        let (folder, version) = self.folder(places, "memory", name)?;
        let bytes = bytes.to_string();
        match version {
            Version::One => {
                write(&folder.join("memory.limit_in_bytes"), &bytes)?;
                // Absent when the kernel does not account swap; then there is nothing to limit.
                let _ = write(&folder.join("memory.memsw.limit_in_bytes"), &bytes);
                self.memory = Some(Memory::V1(folder));
            }
            Version::Two => {
                write(&folder.join("memory.max"), &bytes)?;
                // Absent without swap.
                let _ = write(&folder.join("memory.swap.max"), "0");
                let _ = write(&folder.join("memory.oom.group"), "1");
                self.memory = Some(Memory::V2(folder));
            }
        }
        Ok(())
    }

    fn limit_cpu(&mut self, places: &Places, name: &str, millicores: u64) -> Result<(), String> {
        let (folder, version) = self.folder(places, "cpu", name)?;
        // The kernel refuses quotas under a millisecond.
        let quota = (millicores.saturating_mul(CPU_PERIOD_US) / 1000).max(1000);
        match version {
            Version::One => {
                write(&folder.join("cpu.cfs_period_us"), &CPU_PERIOD_US.to_string())?;
                write(&folder.join("cpu.cfs_quota_us"), &quota.to_string())
            }
            Version::Two => write(&folder.join("cpu.max"), &format!("{quota} {CPU_PERIOD_US}")),
        }
    }

    fn folder(
        &mut self,
        places: &Places,
        controller: &str,
        name: &str,
    ) -> Result<(PathBuf, Version), String> {
        let (parent, version) = places.of(controller)?;
        let folder = parent.join(name);
        if !self.folders.contains(&folder) {
            fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            self.folders.push(folder.clone());
        }
        Ok((folder, version))
    }

    /// Puts the process, and so all that it will start, into the group.
    pub(crate) fn join(&mut self, pid: u32, protections: &mut Protections) {
        for folder in &self.folders {
            if let Err(reason) = write(&folder.join("cgroup.procs"), &pid.to_string()) {
                for protection in
                    [Protection::MemoryLimit, Protection::ProcessLimit, Protection::CpuLimit]
                {
                    if protections.enforced(protection) {
                        protections.unavailable(protection, &reason);
                    }
                }
            }
        }
    }

    /// Whether the kernel killed a process of this group for its memory.
    pub(crate) fn out_of_memory(&self) -> bool {
        let file = match &self.memory {
            None => return false,
            Some(Memory::V1(folder)) => folder.join("memory.oom_control"),
            Some(Memory::V2(folder)) => folder.join("memory.events"),
        };
        fs::read_to_string(file).is_ok_and(|text| {
            text.lines()
                .filter_map(|line| line.split_once(' '))
                .any(|(key, value)| key == "oom_kill" && value.trim() != "0")
        })
    }

    /// Ends every process of the group where the kernel has one switch for it (v2).
    pub(crate) fn kill(&self) {
        for folder in &self.folders {
            // Absent in v1; the end of the process namespace does the same there.
            let _ = fs::write(folder.join("cgroup.kill"), "1");
        }
    }

    /// Removes the folders; they are empty once the tree has ended. False: some are still busy.
    pub(crate) fn remove(&mut self) -> bool {
        self.folders.retain(|folder| fs::remove_dir(folder).is_err() && folder.exists());
        self.folders.is_empty()
    }
}

/// Removes the empty groups of servers that are gone.
pub(crate) fn sweep() {
    let places = Places::read();
    for controller in ["memory", "pids", "cpu"] {
        let Ok((parent, _)) = places.of(controller) else { continue };
        let Ok(entries) = fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let owner = name
                .to_str()
                .and_then(|name| name.strip_prefix(PREFIX))
                .and_then(|rest| rest.split('-').next())
                .and_then(|pid| pid.parse::<u32>().ok());
            if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                // A group with living processes refuses to go, rightly.
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

fn note(protections: &mut Protections, protection: Protection, made: Result<(), String>) {
    match made {
        Ok(()) => protections.set(protection, Strength::Enforced),
        Err(reason) => protections.unavailable(protection, reason),
    }
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Where this process stands in the hierarchies.
#[derive(Debug, Default)]
struct Places {
    /// `/proc/self/cgroup`.
    own: String,
    /// `/proc/self/mountinfo`.
    mounts: String,
}

impl Places {
    fn read() -> Self {
        // Without /proc no hierarchy is found, and each limit says so.
        Self {
            own: fs::read_to_string("/proc/self/cgroup").unwrap_or_default(),
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap_or_default(),
        }
    }

    /// The folder in which groups with this controller may be made.
    fn of(&self, controller: &str) -> Result<(PathBuf, Version), String> {
        if let Some(parent) = self.unified() {
            let controllers = parent.join("cgroup.controllers");
            let offered = fs::read_to_string(controllers).unwrap_or_default();
            if offered.split_whitespace().any(|name| name == controller) {
                return delegate(&parent, controller).map(|parent| (parent, Version::Two));
            }
        }
        self.version_one(controller)
            .map(|parent| (parent, Version::One))
            .ok_or_else(|| format!("no cgroup hierarchy with the controller `{controller}`"))
    }

    fn unified(&self) -> Option<PathBuf> {
        let own = self.own.lines().find_map(|line| line.strip_prefix("0::"))?;
        let (_, mount) = self.mounted("cgroup2", |_| true)?;
        Some(PathBuf::from(mount + own))
    }

    fn version_one(&self, controller: &str) -> Option<PathBuf> {
        let own = self.own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let controllers = fields.next()?;
            controllers.split(',').any(|name| name == controller).then(|| fields.next())?
        })?;
        let (root, mount) = self
            .mounted("cgroup", |options| options.split(',').any(|option| option == controller))?;
        // In a container the mount may show only a part of the hierarchy.
        let below = own.strip_prefix(root.trim_end_matches('/')).unwrap_or(own);
        Some(PathBuf::from(mount + below))
    }

    fn mounted(&self, kind: &str, with: impl Fn(&str) -> bool) -> Option<(String, String)> {
        self.mounts.lines().find_map(|line| {
            let (place, device) = line.split_once(" - ")?;
            let mut device = device.split(' ');
            let fits = device.next() == Some(kind) && with(device.nth(1)?);
            let mut place = place.split(' ').skip(3);
            fits.then_some((place.next()?.to_owned(), place.next()?.to_owned()))
        })
    }
}

/// Makes a controller usable for children of `parent`. A group with processes of its own may not
/// hand out controllers, so a server that is alone in its group moves into a leaf first.
fn delegate(parent: &Path, controller: &str) -> Result<PathBuf, String> {
    let control = parent.join("cgroup.subtree_control");
    let enabled = fs::read_to_string(&control).unwrap_or_default();
    if enabled.split_whitespace().any(|name| name == controller) {
        return Ok(parent.to_owned());
    }
    if write(&control, &format!("+{controller}")).is_ok() {
        return Ok(parent.to_owned());
    }
    // Once in its leaf, the server's own group is `…/boucle-server`: the place is its parent.
    if parent.file_name().is_some_and(|name| name == "boucle-server")
        && let Some(above) = parent.parent()
    {
        return delegate(above, controller);
    }
    let processes = fs::read_to_string(parent.join("cgroup.procs")).unwrap_or_default();
    let own = std::process::id().to_string();
    if processes.lines().collect::<Vec<_>>() != [own.as_str()] {
        return Err(format!("{} holds other processes too", parent.display()));
    }
    let leaf = parent.join("boucle-server");
    fs::create_dir_all(&leaf).map_err(|error| format!("{}: {error}", leaf.display()))?;
    write(&leaf.join("cgroup.procs"), &own)?;
    write(&control, &format!("+{controller}"))?;
    Ok(parent.to_owned())
}
