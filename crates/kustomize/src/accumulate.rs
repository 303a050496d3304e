//! The walk from a folder through its bases and components to finished manifests.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::{Config, Purpose, Shared};
use crate::error::{BuildError, Code, Fault};
use crate::parts::Entry;
use crate::plugin::{self, Generated, Plugin};
use crate::provenance::Origin;
use crate::resource::{Resource, Resources};
use crate::schema::Kinds;
use crate::sources::Target;
use crate::tree::{self, Reader, Tree};
use crate::vars::{self, Vars};
use crate::{Built, crds, generate, name_references, objects, place, scalar, sort, transform};

/// The most objects that one build makes; clusters of tens of thousands are split into
/// applications long before.
const OBJECTS_MAX: usize = 50_000;

/// Objects with this annotation are input only, unless it says `false`.
const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// Renders the kustomization in the folder `root` of the tree.
pub fn build(tree: &dyn Tree, root: &str) -> Result<Built, BuildError> {
    let root = tree::join("", if root.is_empty() { "." } else { root })
        .map_err(|_| BuildError::whole(Code::PathOutsideTree, root, "the path leaves the tree"))?;
    let builder =
        Builder { reader: Reader::new(tree), objects: Cell::new(0), kinds: Rc::default() };
    let mut top = builder.load(&root, None)?;
    let metadata = top.kustomization.build_metadata;
    top.origin = metadata.is_any().then(String::new);
    let mut built = builder.accumulate(&top, &[], Accumulated::default(), false)?;
    let config = built.config();
    transform::hash_suffixes(&mut built.resources);
    let mut resources = built.resources.into_list();
    name_references::mend(&mut resources, config.name_references())
        .and_then(|()| {
            vars::resolve(&mut resources, &built.vars, config.specs(Purpose::VarReference))
        })
        .map_err(|reason| BuildError::whole(Code::TransformFailed, &top.path, reason))?;
    resources.retain(|resource| {
        resource.strings("annotations").get(LOCAL_CONFIG).is_none_or(|value| value == "false")
    });
    sort::sort(&mut resources, top.kustomization.sort_options.as_ref());
    let finish = |mut resource: Resource| {
        let is_named = !resource.name().is_empty() || resource.kind().ends_with("List");
        let named = if is_named { Ok(()) } else { Err("a step took its name away".to_owned()) };
        named.and_then(|()| metadata.finish(&mut resource)).map_err(|reason| {
            let message = format!("{}: {reason}", resource.id());
            BuildError::whole(Code::TransformFailed, &top.path, message)
        })?;
        Ok(finished(resource))
    };
    let manifests = resources.into_iter().map(finish).collect::<Result<_, BuildError>>()?;
    Ok(Built { manifests, opened: builder.reader.opened() })
}

/// An object as it is printed: annotations are always text, and a mapping of annotations that is
/// empty is gone.
fn finished(mut resource: Resource) -> Value {
    let metadata = resource.value.get_mut("metadata").and_then(Value::as_object_mut);
    let annotations = metadata.and_then(|metadata| {
        let is_emptied = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        if metadata.get("annotations").is_some_and(is_emptied) {
            metadata.shift_remove("annotations");
        }
        metadata.get_mut("annotations").and_then(Value::as_object_mut)
    });
    for value in annotations.into_iter().flat_map(Map::values_mut) {
        if let Some(text) = scalar::text(value) {
            *value = Value::String(text);
        }
    }
    let mut manifest = Value::Object(resource.value);
    whole_numbers(&mut manifest);
    manifest
}

/// Kustomize prints through JSON, where 1e3 is 1000.
fn whole_numbers(value: &mut Value) {
    /// Below this, every whole 64-bit float is exact.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            if float.fract() == 0.0 && float.abs() < EXACT_MAX {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a kustomization and its bases come to so far.
#[derive(Default)]
pub(crate) struct Accumulated {
    resources: Resources,
    /// Of the bases; none before the first.
    config: Option<Arc<Shared>>,
    vars: Vars,
}

impl Accumulated {
    fn config(&self) -> Arc<Shared> {
        self.config.clone().unwrap_or_else(Shared::built_in)
    }

    fn add_config(&mut self, added: &Arc<Shared>) -> Result<(), String> {
        self.config = Some(Shared::merge(self.config.as_ref(), added)?);
        Ok(())
    }
}

/// One build.
pub(crate) struct Builder<'a> {
    pub(crate) reader: Reader<'a>,
    objects: Cell<usize>,
    pub(crate) kinds: Rc<Kinds>,
}

impl Builder<'_> {
    /// Everything that the target says, done to its own objects or, for a component, to those of
    /// the kustomization that includes it.
    fn accumulate(
        &self,
        target: &Target,
        parents: &[&str],
        mut built: Accumulated,
        is_component: bool,
    ) -> Result<Accumulated, BuildError> {
        let kustomization = &target.kustomization;
        if kustomization.is_component != is_component {
            let wanted = if is_component { "Component" } else { "Kustomization" };
            let field = if is_component { "components" } else { "resources" };
            let message = format!("`kind` must be {wanted}, because it is included by `{field}`");
            return Err(target.error(Fault::new(Code::InvalidValue, "/kind", message)));
        }
        let mut visited = parents.to_vec();
        visited.push(&target.folder);
        for entry in &kustomization.resources {
            self.resource(target, entry, &visited, &mut built)?;
        }
        self.configure(target, &mut built)?;
        self.generate(target, &visited, &mut built)?;
        for entry in &kustomization.components {
            let folder = self
                .folder(target, entry, &visited)
                .map_err(|fault| target.error(fault))?
                .ok_or_else(|| {
                    let message = format!("`{}` is not a folder with a component", entry.text);
                    target.error(Fault::new(Code::FileNotFound, &entry.pointer, message))
                })?;
            let component = self.load(&folder, target.origin_of(&entry.text))?;
            built = self.accumulate(&component, &visited, built, true)?;
            let config = built.config();
            built.config = None;
            built.add_config(&config).map_err(|reason| {
                target.error(Fault::new(Code::InvalidValue, &entry.pointer, reason))
            })?;
        }
        self.transform(target, &visited, &mut built)?;
        self.validate(target, &visited, &mut built)?;
        vars::add(&mut built.vars, &mut built.resources, &kustomization.vars)
            .map_err(|fault| target.error(fault))?;
        Ok(built)
    }

    fn resource(
        &self,
        target: &Target,
        entry: &Entry,
        visited: &[&str],
        built: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let duplicate = |id| {
            let message = format!("there is already an object {id}");
            target.error(Fault::new(Code::DuplicateObject, &entry.pointer, message))
        };
        if let Some(folder) =
            self.folder(target, entry, visited).map_err(|fault| target.error(fault))?
        {
            let base = self.load(&folder, target.origin_of(&entry.text))?;
            let base = self.accumulate(&base, visited, Accumulated::default(), false)?;
            let config = base.config();
            for resource in base.resources.into_list() {
                built.resources.append(resource).map_err(duplicate)?;
            }
            let invalid =
                |reason| target.error(Fault::new(Code::InvalidValue, &entry.pointer, reason));
            built.add_config(&config).map_err(invalid)?;
            return vars::merge_all(&mut built.vars, base.vars).map_err(invalid);
        }
        let (path, text) = self.file_text(target, entry)?;
        let origin = target.origin_of(&entry.text).map(|path| Origin::file(&path));
        let found = objects::objects(yaml::documents_yaml12(&path, &text)?).map_err(
            |(index, message)| {
                let (line, column) = place::of_document(&text, index).unwrap_or((1, 1));
                BuildError { code: Code::InvalidObject, file: path, line, column, message }
            },
        )?;
        for object in found {
            self.count(target, entry)?;
            let mut resource = Resource::new(object, &self.kinds);
            if let Some(origin) = &origin {
                origin.set(&mut resource);
            }
            built.resources.append(resource).map_err(duplicate)?;
        }
        Ok(())
    }

    fn count(&self, target: &Target, entry: &Entry) -> Result<(), BuildError> {
        self.objects.set(self.objects.get() + 1);
        if self.objects.get() <= OBJECTS_MAX {
            return Ok(());
        }
        let message = format!("one build makes at most {OBJECTS_MAX} objects; split it");
        Err(target.error(Fault::new(Code::TooLarge, &entry.pointer, message)))
    }

    /// Adds what `configurations` and `crds` say to the configuration of the bases.
    fn configure(&self, target: &Target, built: &mut Accumulated) -> Result<(), BuildError> {
        let kustomization = &target.kustomization;
        let invalid = |entry: &Entry| {
            let pointer = entry.pointer.clone();
            move |reason: String| target.error(Fault::new(Code::InvalidValue, &pointer, reason))
        };
        let mut own = Config::default();
        for entry in &kustomization.configurations {
            let read = self.read_file(target, entry, Config::read)?;
            own.merge(&read).map_err(invalid(entry))?;
        }
        let mut config = Shared::built_in();
        if let Some(entry) = kustomization.configurations.last() {
            config = config.extend(&own).map_err(invalid(entry))?;
        }
        built
            .add_config(&config)
            .map_err(|reason| target.error(Fault::new(Code::InvalidValue, "", reason)))?;
        for entry in &kustomization.crds {
            let read = self.read_file(target, entry, |root| {
                crds::read(root.value).map_err(|reason| Fault::new(Code::InvalidValue, "", reason))
            })?;
            built.config = Some(built.config().extend(&read).map_err(invalid(entry))?);
        }
        Ok(())
    }

    fn generate(
        &self,
        target: &Target,
        visited: &[&str],
        built: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let kustomization = &target.kustomization;
        let read =
            |path: &str, pointer: &str| self.file(target, path, pointer).map(|(_, bytes)| bytes);
        let config_maps = kustomization.config_maps.iter().map(|generator| (generator, false));
        let secrets = kustomization.secrets.iter().map(|generator| (generator, true));
        let global = kustomization.generator_options.as_ref();
        for (generator, is_secret) in config_maps.chain(secrets) {
            let kind = if is_secret { "SecretGenerator" } else { "ConfigMapGenerator" };
            let origin = target.origin_of_file().map(|path| Origin::field(&path, kind));
            generate::make(generator, global, is_secret, &read, &self.kinds)
                .and_then(|made| {
                    generate::absorb(&mut built.resources, made, origin, &generator.pointer)
                })
                .map_err(|fault| target.error(fault))?;
        }
        for (configuration, pointer) in self.plugins(target, &kustomization.generators, visited)? {
            let fault = |fault| target.error(fault);
            let Plugin::Generator(generated) =
                plugin::read(&configuration, &pointer).map_err(fault)?
            else {
                let message = format!("{} is no generator", configuration.kind());
                return Err(fault(Fault::new(Code::InvalidValue, &pointer, message)));
            };
            let made = match generated {
                Generated::ConfigMap(generator) => {
                    generate::make(&generator, None, false, &read, &self.kinds)
                }
                Generated::Secret(generator) => {
                    generate::make(&generator, None, true, &read, &self.kinds)
                }
                Generated::ServiceAccount { name, namespace, account } => {
                    Ok(generate::service_account(&name, &namespace, &account, &self.kinds))
                }
            };
            let origin = Origin::of_plugin(&configuration);
            made.and_then(|made| generate::absorb(&mut built.resources, made, origin, &pointer))
                .map_err(fault)?;
        }
        Ok(())
    }

    fn transform(
        &self,
        target: &Target,
        visited: &[&str],
        built: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let kustomization = &target.kustomization;
        let config = built.config();
        let resources = &mut built.resources;
        let steps = kustomization.steps(&config).map_err(|fault| target.error(fault))?;
        for step in &steps {
            self.apply(target, step, resources, "")?;
            if let Some(path) = target.origin_of_file() {
                note_change(resources, &Origin::field(&path, step.kind()));
            }
        }
        for (configuration, pointer) in
            self.plugins(target, &kustomization.transformers, visited)?
        {
            self.apply_plugin(target, &configuration, resources, &pointer)?;
            if let Some(origin) = Origin::of_plugin(&configuration) {
                note_change(resources, &origin);
            }
        }
        Ok(())
    }

    fn apply_plugin(
        &self,
        target: &Target,
        configuration: &Resource,
        resources: &mut Resources,
        pointer: &str,
    ) -> Result<(), BuildError> {
        let fault = |fault| target.error(fault);
        let Plugin::Transformer(steps) = plugin::read(configuration, pointer).map_err(fault)?
        else {
            let message = format!("{} is no transformer", configuration.kind());
            return Err(fault(Fault::new(Code::InvalidValue, pointer, message)));
        };
        steps.iter().try_for_each(|step| self.apply(target, step, resources, pointer))
    }

    /// Runs transformers that must find nothing to change.
    fn validate(
        &self,
        target: &Target,
        visited: &[&str],
        built: &mut Accumulated,
    ) -> Result<(), BuildError> {
        let validators = &target.kustomization.validators;
        for (configuration, pointer) in self.plugins(target, validators, visited)? {
            let before = built.resources.clone();
            self.apply_plugin(target, &configuration, &mut built.resources, &pointer)?;
            if !built.resources.is_same(&before) {
                let message =
                    format!("{} `{}` changes objects", configuration.kind(), configuration.name());
                let fault = Fault::new(Code::TransformFailed, &pointer, message);
                return Err(target.error(fault));
            }
        }
        Ok(())
    }

    /// The configuration objects that the entries hold or name, with the place of each entry;
    /// those that are written in the kustomization itself come first.
    fn plugins(
        &self,
        target: &Target,
        entries: &[Entry],
        visited: &[&str],
    ) -> Result<Vec<(Resource, String)>, BuildError> {
        let mut built = Accumulated::default();
        let mut pointers = Vec::new();
        let (inline, paths): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().partition(|entry| entry.is_inline());
        for entry in inline {
            self.inline_objects(target, entry, &mut built.resources)
                .map_err(|fault| target.error(fault))?;
            pointers.resize(built.resources.len(), entry.pointer.clone());
        }
        for entry in paths {
            self.resource(target, entry, visited, &mut built)?;
            pointers.resize(built.resources.len(), entry.pointer.clone());
        }
        Ok(built.resources.into_list().into_iter().zip(pointers).collect())
    }

    fn inline_objects(
        &self,
        target: &Target,
        entry: &Entry,
        resources: &mut Resources,
    ) -> Result<(), Fault> {
        let fault = |code, message: String| Fault::new(code, &entry.pointer, message);
        let documents = yaml::documents_yaml12(&target.path, &entry.text).map_err(|error| {
            fault(Code::InvalidYaml, format!("line {} of the text: {}", error.line, error.message))
        })?;
        let found = objects::objects(documents)
            .map_err(|(_, message)| fault(Code::InvalidObject, message))?;
        for object in found {
            let mut resource = Resource::new(object, &self.kinds);
            if let Some(path) = target.origin_of_file() {
                Origin::file(&path).set(&mut resource);
            }
            resources.append(resource).map_err(|id| {
                fault(Code::DuplicateObject, format!("there is already an object {id}"))
            })?;
        }
        Ok(())
    }
}

fn note_change(resources: &mut Resources, origin: &Origin) {
    for resource in resources.iter_mut() {
        origin.note_change(resource);
    }
}
