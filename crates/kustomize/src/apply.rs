//! A step done to the objects, with the files that it names.

use crate::accumulate::Builder;
use crate::error::{BuildError, Code, Fault};
use crate::node::Node;
use crate::parts::{self, Entry, Patch, Replacement};
use crate::patches::{self, Loaded, Refused, Text};
use crate::resource::Resources;
use crate::sources::Target;
use crate::step::{AddedValue, Step};
use crate::{images, plugin, replacements, transform};

impl Builder<'_> {
    /// Does one step; `pointer` is the place of steps that have none of their own.
    pub(crate) fn apply(
        &self,
        target: &Target,
        step: &Step<'_>,
        resources: &mut Resources,
        pointer: &str,
    ) -> Result<(), BuildError> {
        let done = match step {
            Step::StrategicPatches(entries) => {
                for entry in entries.iter() {
                    let loaded = self.strategic_entry(target, entry)?;
                    patches::apply_strategic(resources, loaded, &entry.pointer)
                        .map_err(|fault| target.error(fault))?;
                }
                Ok(())
            }
            Step::Patch(patch) => patches::apply(resources, patch, self.patch(target, patch)?),
            Step::Operations(patch) => {
                patches::apply_operations(resources, patch, self.patch(target, patch)?)
            }
            Step::Namespace(namespace, specs) => {
                let pointer = if pointer.is_empty() { "/namespace" } else { pointer };
                namespace.apply(resources, specs, pointer)
            }
            Step::Affix(affix, text, specs) => {
                transform::affix(resources, *affix, text, specs, pointer)
            }
            Step::Labels(entries) | Step::Annotations(entries) => {
                transform::entries(resources, &entries.pairs, &entries.specs, &entries.pointer)
            }
            Step::Replicas(replica, specs) => transform::replicas(resources, replica, specs),
            Step::Image(image, specs) => images::apply(resources, image, specs),
            Step::Replacements(entries) => {
                for replacement in entries.iter() {
                    for replacement in self.replacement(target, replacement)? {
                        replacements::apply(resources, &replacement)
                            .map_err(|fault| target.error(fault))?;
                    }
                }
                Ok(())
            }
            Step::AddValue(added) => {
                self.add_value(target, added, resources, pointer)?;
                Ok(())
            }
            Step::Hash => {
                transform::hash_suffixes(resources);
                Ok(())
            }
        };
        done.map_err(|fault| target.error(fault))?;
        if step.may_change_entries() {
            resources.spread_aliases();
        }
        Ok(())
    }

    /// An entry of `patchesStrategicMerge`: the patch itself, or else the path of one.
    fn strategic_entry(&self, target: &Target, entry: &Entry) -> Result<Loaded, BuildError> {
        let text = entry.text.clone();
        let (path, patch) =
            if entry.is_inline() { (String::new(), text) } else { (text, String::new()) };
        let patch = Patch {
            path,
            patch,
            target: None,
            allow_name_change: false,
            allow_kind_change: false,
            pointer: entry.pointer.clone(),
        };
        self.patch(target, &patch)
    }

    fn patch(&self, target: &Target, patch: &Patch) -> Result<Loaded, BuildError> {
        let fault =
            |message: &str| target.error(Fault::new(Code::PatchFailed, &patch.pointer, message));
        let (file, text) = match (patch.path.is_empty(), patch.patch.trim().is_empty()) {
            (true, true) => return Err(fault("a patch needs a `path` or a `patch`")),
            (false, false) => return Err(fault("`path` and `patch` exclude each other")),
            (true, false) => (None, patch.patch.clone()),
            (false, true) => {
                let (path, bytes) = self
                    .file(target, &patch.path, &patch.pointer)
                    .map_err(|fault| target.error(fault))?;
                let text = String::from_utf8(bytes).map_err(|_| fault("the patch is not UTF-8"))?;
                (Some(path), text)
            }
        };
        let text = Text {
            file: file.as_deref().unwrap_or(&target.path),
            text: &text,
            is_inline: file.is_none(),
            pointer: &patch.pointer,
        };
        text.load(&self.kinds).map_err(|refused| match refused {
            Refused::Here(fault) => target.error(fault),
            Refused::There(error) => error,
        })
    }

    /// The replacement itself, or those in the file that it names.
    fn replacement(
        &self,
        target: &Target,
        replacement: &Replacement,
    ) -> Result<Vec<Replacement>, BuildError> {
        if replacement.path.is_empty() {
            return Ok(vec![replacement.clone()]);
        }
        if replacement.source.is_some() || !replacement.targets.is_empty() {
            let message = "`path` and a replacement exclude each other";
            let fault = Fault::new(Code::InvalidValue, &replacement.pointer, message);
            return Err(target.error(fault));
        }
        let entry = Entry { text: replacement.path.clone(), pointer: replacement.pointer.clone() };
        let mut read = self.read_file(target, &entry, |root: &Node<'_>| {
            if root.value.is_array() {
                root.items()?.iter().map(parts::replacement).collect()
            } else {
                parts::replacement(root).map(|read| vec![read])
            }
        })?;
        for read in &mut read {
            read.pointer.clone_from(&replacement.pointer);
        }
        Ok(read)
    }

    fn add_value(
        &self,
        target: &Target,
        added: &AddedValue,
        resources: &mut Resources,
        pointer: &str,
    ) -> Result<(), BuildError> {
        let folder = target.folder.rsplit('/').next().unwrap_or_default();
        let value = if added.value.is_empty() { folder } else { &added.value };
        if value.is_empty() {
            let message = "it needs a `value`, because the repository's root has no name";
            return Err(target.error(Fault::new(Code::InvalidValue, pointer, message)));
        }
        let mut targets = added.targets.clone();
        if !added.targets_path.is_empty() {
            let entry = Entry { text: added.targets_path.clone(), pointer: pointer.into() };
            targets.extend(self.read_file(target, &entry, plugin::value_targets)?);
        }
        targets
            .iter()
            .try_for_each(|of| of.apply(resources, value, pointer))
            .map_err(|fault| target.error(fault))
    }
}
