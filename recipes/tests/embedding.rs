//! The engine in somebody else's program: two runs at once in one process, with the built-in
//! recipes and one of the program's own, one of which is cancelled.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use buildout_core::configuration::{Configuration, ConfigurationRequest};
use buildout_core::dialect::{Dialect, DialectName};
use buildout_core::event::{Event, EventSink};
use buildout_core::exec::cancel::CancellationToken;
use buildout_core::fetch::{ClientOptions, HttpClient, IgnoreEvents, ProfileFiles, Transport};
use buildout_core::host::HostFacts;
use buildout_core::profile::syntax::ConditionalHeader;
use buildout_core::python::PythonProbe;
use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, PartRun, Provider,
    Recipe, RecipeError, RecipeReference, RunServices, UpdateKind,
};
use buildout_core::run::{
    BuildoutSettings, ConstructionPolicy, InstallReport, Plan, PlannedAction, Session,
    SessionOptions, SettingsReader, install,
};

/// The program's own recipe: it writes what `text` says into the file `output`.
struct NoteFactory(Descriptor);

impl Factory for NoteFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        part.set("size", &part.required("text")?.len().to_string())?;
        Ok(Box::new(Note))
    }
}

struct Note;

impl Recipe for Note {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let output = run
            .services()
            .absolute(run.option("output").unwrap_or_default());
        let text = run.option("text").unwrap_or_default();
        fs::write(&output, text).map_err(|error| RecipeError::user(error.to_string()))?;
        Ok(Installed::path(output.to_string_lossy()))
    }
}

struct OwnRecipes;

impl Provider for OwnRecipes {
    fn find(&self, recipe: &RecipeReference) -> Option<Arc<dyn Factory>> {
        let note = || Arc::new(NoteFactory(self.descriptors().remove(0)));
        (recipe.to_string() == "program:note").then(|| note() as Arc<dyn Factory>)
    }

    fn descriptors(&self) -> Vec<Descriptor> {
        vec![Descriptor {
            name: "program:note",
            summary: "Writes a text into a file.",
            behaviour_version: 1,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: UpdateKind::Nothing,
            options: &[],
        }]
    }
}

/// Keeps what a run tells.
#[derive(Default)]
struct Told(Mutex<Vec<Event>>);

impl EventSink for Told {
    fn emit(&self, event: Event) {
        self.0.lock().expect("no sink panics").push(event);
    }
}

impl Told {
    /// The parts that were begun.
    fn parts(&self) -> Vec<String> {
        let told = self.0.lock().expect("no sink panics");
        let begun = told.iter().filter_map(|event| match event {
            Event::PartStarted { part, .. } => Some(part.to_string()),
            _ => None,
        });
        begun.collect()
    }
}

/// What a run is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Plan,
    Installation,
}

/// Runs the profile in `directory`, and returns what is planned first with what was done.
fn run(
    directory: &Path,
    told: &Arc<Told>,
    cancellation: &CancellationToken,
    wanted: Wanted,
) -> Result<(Plan, Option<InstallReport>), buildout_core::run::Failure> {
    let working_directory = directory.to_str().expect("a UTF-8 directory");
    let path = std::env::var_os("PATH").expect("a search path");
    let environment = BTreeMap::from([(OsString::from("PATH"), path.clone())]);
    let transport: Arc<dyn Transport> = Arc::new(HttpClient::new(ClientOptions::default()));
    let observer = Arc::new(IgnoreEvents);
    let files = ProfileFiles::new(
        working_directory,
        directory,
        Arc::clone(&transport),
        observer,
    );
    let python = Arc::new(PythonProbe::of_search_path(path));
    let host = HostFacts::new(environment.clone(), python);
    let dialect = Dialect::named(DialectName::Slapos);
    let conditions = |header: &ConditionalHeader<'_>| host.decide(header, &dialect);
    let configuration = Configuration::load(ConfigurationRequest {
        profile: Some("buildout.cfg".to_owned()),
        working_directory,
        home_directory: None,
        user_defaults: None,
        assignments: Vec::new(),
        executable: "/usr/bin/python3",
        loader: &files,
        conditions: &conditions,
        dialect: dialect.clone(),
    })?;
    let services = RunServices::new(
        directory.to_owned(),
        directory.to_owned(),
        0o022,
        environment,
        transport,
        Arc::<Told>::clone(told),
        cancellation.clone(),
    );
    let session = Session::new(SessionOptions {
        configuration: &configuration,
        registry: buildout_recipes::registry().with(Arc::new(OwnRecipes)),
        services: &services,
        conditions: &conditions,
        construct: match wanted {
            Wanted::Plan => ConstructionPolicy::PureOnly,
            Wanted::Installation => ConstructionPolicy::All,
        },
    });
    let settings = BuildoutSettings::read(
        &session,
        &SettingsReader {
            create_caches: wanted == Wanted::Installation,
            default_jobs: 2,
            configure_log: &|_, _| Ok(()),
        },
    )?;
    let plan = Plan::new(&session, &settings, &[])?;
    let report = match wanted {
        Wanted::Plan => None,
        Wanted::Installation => Some(install(&session, &settings, &[])?),
    };
    Ok((plan, report))
}

#[test]
fn runs_in_one_process_know_nothing_of_each_other() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let (long, short) = (place.path().join("long"), place.path().join("short"));
    for directory in [&long, &short] {
        fs::create_dir(directory).expect("it can be made");
    }
    let note =
        "[note]\nrecipe = program:note\ntext = of ${buildout:directory}\noutput = note.txt\n";
    let sleeping = "[sleep]\nrecipe = plone.recipe.command\n\
         command = echo $$ > pid; sleep 60\nstop-on-error = true\nnote = ${note:size}\n";
    let waits = format!("[buildout]\nparts = sleep\n{note}{sleeping}");
    fs::write(long.join("buildout.cfg"), waits).expect("it can be written");
    let notes = format!("[buildout]\nparts = note\n{note}");
    fs::write(short.join("buildout.cfg"), notes).expect("it can be written");
    let before = std::env::current_dir().expect("a current directory");

    let (told_long, told_short) = (Arc::<Told>::default(), Arc::<Told>::default());
    let cancellation = CancellationToken::new();
    let begun = Instant::now();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| run(&long, &told_long, &cancellation, Wanted::Installation));
        while !long.join("pid").exists() && !waiting.is_finished() {
            thread::sleep(Duration::from_millis(5));
        }
        // The other one is at work.
        let never = CancellationToken::new();
        let plan = run(&short, &told_short, &never, Wanted::Plan).expect("it can be planned");
        assert_eq!(plan.0.parts[0].action, PlannedAction::Install);
        assert!(!short.join("note.txt").exists(), "a plan does nothing");
        let done = run(&short, &told_short, &never, Wanted::Installation).expect("it succeeds");
        let report = done.1.expect("it installed");
        assert_eq!(report.installed.len(), 1);
        cancellation.cancel();
        let cancelled = waiting
            .join()
            .expect("no panic")
            .map(|_| ())
            .expect_err("it is cancelled");
        assert!(cancelled.is_cancelled(), "{cancelled}");
    });

    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "the command was ended"
    );
    let pid = fs::read_to_string(long.join("pid")).expect("the shell wrote it");
    assert!(
        !Path::new("/proc").join(pid.trim()).exists(),
        "the shell is gone"
    );
    assert_eq!(told_long.parts(), ["note", "sleep"]);
    assert_eq!(told_short.parts(), ["note"]);
    for directory in [&long, &short] {
        let text = fs::read_to_string(directory.join("note.txt")).expect("each has its own");
        assert_eq!(text, format!("of {}", directory.display()));
    }
    let after = std::env::current_dir().expect("a current directory");
    assert_eq!(after, before);
    // What was finished stays finished.
    let never = CancellationToken::new();
    let (plan, _) = run(&long, &told_long, &never, Wanted::Plan).expect("it can be planned");
    let actions: Vec<_> = plan.parts.iter().map(|part| part.action).collect();
    assert_eq!(actions, [PlannedAction::Keep, PlannedAction::Install]);
}
