//! Makes the handler of each loop, and what the handlers share.

use std::sync::Arc;

use ws_server::{Running, Server, Statistics};

use super::broadcast::Rooms;
use super::exec::{self, Programs, Recipe};
use super::handler::{Command, Mode, Serving};
use super::http::{Counters, Files, Http, Metrics};
use super::loops::Loops;
use super::reporter::{Ended, Reporter};
use crate::args::ServeArgs;
use crate::output::Output;

/// Everything that the handlers of one server are made of.
pub(super) struct Factory<'a> {
    args: &'a ServeArgs,
    output: &'a Output,
    ended: Arc<Ended>,
    loops: Arc<Loops>,
    statistics: Statistics,
    programs: Option<Arc<exec::Shared>>,
    /// Of each loop.
    counters: Vec<Arc<Counters>>,
    http: Arc<Http>,
}

impl<'a> Factory<'a> {
    pub(super) fn new(
        args: &'a ServeArgs,
        output: &'a Output,
        server: &Server,
        ended: Arc<Ended>,
        recipe: Option<Recipe>,
        files: Option<Files>,
    ) -> Self {
        let loops = Arc::new(Loops::new(args.workers));
        let statistics = server.statistics();
        let programs = recipe.map(|recipe| {
            let recipe = recipe.at_port(server.address());
            let limit = args.pool_size();
            Arc::new(exec::Shared::new(recipe, Arc::clone(&loops), limit))
        });
        let counters: Vec<Arc<Counters>> = (0..args.workers).map(|_| Arc::default()).collect();
        let metrics = args.metrics.clone().map(|path| {
            let memory_limit = server.config().memory_bytes;
            let (loops, statistics) = (counters.clone(), statistics.clone());
            (
                path,
                Metrics::new(loops, statistics, args.pool_size(), memory_limit),
            )
        });
        let http = Http {
            metrics,
            files,
            has_page: !args.no_page,
        };
        Self {
            args,
            output,
            ended,
            loops,
            statistics,
            programs,
            counters,
            http: Arc::new(http),
        }
    }

    /// Makes the handler of a loop.
    pub(super) fn handler(&self, index: u16) -> Serving {
        let mode = match (self.args.broadcast, &self.programs) {
            (Some(audience), _) => Mode::Broadcast(Rooms::new(
                audience,
                index,
                Arc::clone(&self.loops),
                self.statistics.clone(),
            )),
            (None, Some(programs)) => Mode::Exec(Programs::new(
                Arc::clone(programs),
                index,
                self.output.another(),
            )),
            (None, None) if self.args.echo => Mode::Echo,
            (None, None) => Mode::Print,
        };
        let reporter = Reporter::new(
            self.output.another(),
            Arc::clone(&self.ended),
            Arc::clone(&self.counters[usize::from(index)]),
        );
        Serving {
            mode,
            reporter,
            http: Arc::clone(&self.http),
        }
    }

    /// Lets the loops, which run now, reach each other.
    pub(super) fn connect(&self, running: &Running<Command>) {
        self.loops.connect(running);
    }

    /// Waits until what the handlers have started has ended.
    pub(super) fn wait_for_programs(&self) {
        if let Some(programs) = &self.programs {
            programs.wait_for_all();
        }
    }
}
