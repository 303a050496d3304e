//! Which fields each step writes: the transformer configuration, built in and extended by files.

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use crate::error::Fault;
use crate::field_spec::FieldSpec;
use crate::node::Node;
use crate::parts::{each, field_spec, gvk};
use crate::resource::Gvk;
use crate::{default_config, sort};

/// The fields that one step writes.
pub(crate) type Specs = Arc<[FieldSpec]>;

/// What a list of fields is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    NamePrefix,
    NameSuffix,
    Namespace,
    CommonLabels,
    Labels,
    TemplateLabels,
    CommonAnnotations,
    VarReference,
    Images,
    Replicas,
}

impl Purpose {
    pub(crate) const ALL: [Purpose; 10] = [
        Purpose::NamePrefix,
        Purpose::NameSuffix,
        Purpose::Namespace,
        Purpose::CommonLabels,
        Purpose::Labels,
        Purpose::TemplateLabels,
        Purpose::CommonAnnotations,
        Purpose::VarReference,
        Purpose::Images,
        Purpose::Replicas,
    ];

    /// Its key in a configuration file.
    fn key(self) -> &'static str {
        match self {
            Purpose::NamePrefix => "namePrefix",
            Purpose::NameSuffix => "nameSuffix",
            Purpose::Namespace => "namespace",
            Purpose::CommonLabels => "commonLabels",
            Purpose::Labels => "labels",
            Purpose::TemplateLabels => "templateLabels",
            Purpose::CommonAnnotations => "commonAnnotations",
            Purpose::VarReference => "varReference",
            Purpose::Images => "images",
            Purpose::Replicas => "replicas",
        }
    }
}

/// The fields that may name one kind of object.
#[derive(Debug, Clone)]
pub(crate) struct NameReference {
    pub(crate) target: Gvk,
    pub(crate) referrers: Vec<FieldSpec>,
}

/// The fields of every step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    /// In the order of [`Purpose::ALL`].
    specs: [Vec<FieldSpec>; 10],
    pub(crate) name_references: Vec<NameReference>,
}

/// A configuration with the lists that steps share.
#[derive(Debug)]
pub(crate) struct Shared {
    config: Config,
    specs: [Specs; 10],
}

impl Shared {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let specs = config.specs.clone().map(Specs::from);
        Arc::new(Shared { config, specs })
    }

    /// What is built in.
    pub(crate) fn built_in() -> Arc<Self> {
        static BUILT_IN: LazyLock<Arc<Shared>> = LazyLock::new(|| {
            let mut config =
                Config { specs: default_config::specs(), name_references: default_config::names() };
            config.sort();
            Shared::new(config)
        });
        Arc::clone(&BUILT_IN)
    }

    pub(crate) fn specs(&self, purpose: Purpose) -> &Specs {
        &self.specs[purpose as usize]
    }

    pub(crate) fn name_references(&self) -> &[NameReference] {
        &self.config.name_references
    }

    /// What is known so far with more. Where anything but what is built in is among it, the fields
    /// are added one by one, in their order: a field of one kind hides a later one of every kind
    /// with the same path, as in the real program.
    pub(crate) fn merge(known: Option<&Arc<Self>>, added: &Arc<Self>) -> Result<Arc<Self>, String> {
        let built_in = Shared::built_in();
        match known {
            None if Arc::ptr_eq(added, &built_in) => Ok(built_in),
            None => {
                let mut config = Config::default();
                config.merge(&added.config)?;
                Ok(Shared::new(config))
            }
            Some(known) if Arc::ptr_eq(known, added) && Arc::ptr_eq(known, &built_in) => {
                Ok(built_in)
            }
            Some(known) => known.extend(&added.config),
        }
    }

    /// With further fields.
    pub(crate) fn extend(&self, added: &Config) -> Result<Arc<Self>, String> {
        let mut config = self.config.clone();
        config.merge(added)?;
        Ok(Shared::new(config))
    }
}

impl Config {
    /// Reads a configuration file.
    pub(crate) fn read(root: &Node<'_>) -> Result<Self, Fault> {
        let mut fields = root.fields()?;
        let mut config = Config::default();
        for purpose in Purpose::ALL {
            config.specs[purpose as usize] = each(&mut fields, purpose.key(), field_spec)?;
        }
        config.name_references = each(&mut fields, "nameReference", |node| {
            let mut fields = node.fields()?;
            let read = NameReference {
                target: gvk(&mut fields)?,
                referrers: each(&mut fields, "fieldSpecs", field_spec)?,
            };
            fields.finish()?;
            Ok(read)
        })?;
        fields.finish()?;
        config.sort();
        Ok(config)
    }

    pub(crate) fn add(&mut self, purpose: Purpose, spec: FieldSpec) -> Result<(), String> {
        add_spec(&mut self.specs[purpose as usize], spec)
    }

    pub(crate) fn add_reference(&mut self, added: NameReference) -> Result<(), String> {
        let mut known = self.name_references.iter_mut();
        match known.find(|known| known.target == added.target) {
            Some(known) => added
                .referrers
                .into_iter()
                .try_for_each(|spec| add_spec(&mut known.referrers, spec)),
            None => {
                self.name_references.push(added);
                Ok(())
            }
        }
    }

    pub(crate) fn merge(&mut self, added: &Config) -> Result<(), String> {
        for purpose in Purpose::ALL {
            for spec in &added.specs[purpose as usize] {
                self.add(purpose, spec.clone())?;
            }
        }
        for reference in &added.name_references {
            self.add_reference(reference.clone())?;
        }
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        for specs in &mut self.specs {
            specs.sort_by(|left, right| compare(&left.gvk, &right.gvk));
        }
        self.name_references.sort_by(|left, right| compare(&left.target, &right.target));
    }
}

fn compare(left: &Gvk, right: &Gvk) -> Ordering {
    let text = |gvk: &Gvk| sort::legacy_text(gvk);
    sort::default_rank(&left.kind)
        .cmp(&sort::default_rank(&right.kind))
        .then_with(|| text(left).cmp(&text(right)))
}

/// Adds a field; one that another covers must agree on whether it is created.
pub(crate) fn add_spec(specs: &mut Vec<FieldSpec>, added: FieldSpec) -> Result<(), String> {
    let covering =
        specs.iter().find(|spec| spec.path == added.path && spec.gvk.is_selected_by(&added.gvk));
    match covering {
        Some(spec) if spec.create == added.create => Ok(()),
        Some(spec) => Err(format!("`{}` is both created and not created", spec.path)),
        None => {
            specs.push(added);
            Ok(())
        }
    }
}
