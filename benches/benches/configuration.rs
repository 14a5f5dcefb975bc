//! Criterion benchmarks of the pure stages, in process: reading and merging a
//! generated tree with the shape of SlapOS's ERP5 release, in both dialects,
//! and resolving chains of references.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use buildout_benches::tree::{Tree, TreeShape};
use buildout_core::configuration::{Configuration, ConfigurationRequest};
use buildout_core::dialect::Dialect;
use buildout_core::event::NoEvents;
use buildout_core::exec::cancel::CancellationToken;
use buildout_core::fetch::{HttpClient, IgnoreEvents, ProfileFiles, Transport};
use buildout_core::host::HostFacts;
use buildout_core::profile::condition::ConditionError;
use buildout_core::profile::syntax::ConditionalHeader;
use buildout_core::python::PythonIdentity;
use buildout_core::recipe::{Registry, RunServices};
use buildout_core::run::{ConstructionPolicy, Session, SessionOptions};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Loads `profile` of `directory` as the command does.
fn load(
    directory: &Path,
    profile: &str,
    dialect: &Dialect,
    conditions: &dyn Fn(&ConditionalHeader<'_>) -> Result<bool, ConditionError>,
) -> Configuration {
    let transport: Arc<dyn Transport> = Arc::new(HttpClient::default());
    let files = ProfileFiles::new(directory, directory, transport, Arc::new(IgnoreEvents));
    Configuration::load(ConfigurationRequest {
        profile: Some(profile.to_owned()),
        working_directory: directory.to_str().expect("a temporary directory is UTF-8"),
        home_directory: None,
        user_defaults: None,
        assignments: Vec::new(),
        executable: "/usr/bin/python3",
        loader: &files,
        conditions,
        dialect: dialect.clone(),
    })
    .expect("a generated profile loads")
}

fn host() -> HostFacts {
    HostFacts::new(BTreeMap::new(), Arc::new(PythonIdentity::default()))
}

fn merging(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let tree = Tree::generate(&TreeShape::erp5(), 1);
    tree.write(directory.path()).expect("a tree is written");
    let host = host();
    let mut group = criterion.benchmark_group("load and merge");
    for dialect in [Dialect::slapos(), Dialect::upstream()] {
        let conditions = |header: &ConditionalHeader<'_>| host.decide(header, &dialect);
        group.bench_function(dialect.name.as_str(), |bencher| {
            bencher.iter(|| {
                let profile = black_box(tree.root_profile());
                load(directory.path(), profile, &dialect, &conditions)
            });
        });
    }
    group.finish();
}

/// `sections` sections in chains of references 100 deep.
fn chains(sections: usize) -> String {
    let mut profile = String::from("[buildout]\nparts =\n");
    for index in 0..sections {
        let value = if index % 100 == 99 || index + 1 == sections {
            "the end".to_owned()
        } else {
            format!("${{s{}:value}}", index + 1)
        };
        profile.push_str(&format!("[s{index}]\nvalue = {value}\n"));
    }
    profile
}

fn resolving(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let host = host();
    let dialect = Dialect::slapos();
    let conditions = |header: &ConditionalHeader<'_>| host.decide(header, &dialect);
    let transport: Arc<dyn Transport> = Arc::new(HttpClient::default());
    let services = RunServices::new(
        directory.path().to_owned(),
        directory.path().to_owned(),
        0o022,
        BTreeMap::new(),
        transport,
        Arc::new(NoEvents),
        CancellationToken::new(),
    );
    let mut group = criterion.benchmark_group("resolve chains 100 deep");
    for sections in [1_000, 2_000, 4_000, 8_000] {
        std::fs::write(directory.path().join("chains.cfg"), chains(sections))
            .expect("a profile is written");
        let configuration = load(directory.path(), "chains.cfg", &dialect, &conditions);
        group.throughput(Throughput::Elements(sections as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(sections),
            &sections,
            |bencher, _| {
                let fresh = || {
                    Session::new(SessionOptions {
                        configuration: &configuration,
                        registry: Registry::default(),
                        services: &services,
                        conditions: &conditions,
                        construct: ConstructionPolicy::PureOnly,
                    })
                };
                let resolve = |session: Session<'_>| {
                    for section in session.section_names() {
                        session
                            .reach(&section)
                            .expect("a generated section resolves");
                    }
                };
                bencher.iter_batched(fresh, resolve, BatchSize::LargeInput);
            },
        );
    }
    group.finish();
}

criterion_group!(benches, merging, resolving);
criterion_main!(benches);
