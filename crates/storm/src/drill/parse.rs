//! Reads a script, line by line. Whatever stands in it, this returns; it says all that is wrong at once.

use c8dr_domain::plan::StepId;
use c8dr_lab::Flavour;

use super::cursor::{Cursor, shortened};
use super::mistake::{Mistake, nearest};
use super::script::{
    Accepts, Command, Deed, Drill, Expectation, Expected, Line, Moment, Statement, Struck, WorldLine,
};
use super::{deeds, wishes};
use crate::fault::{Chapter, Side};

/// How a line may begin.
pub(super) const BEGINNINGS: [&str; 27] = [
    "world",
    "load",
    "at",
    "wait",
    "break",
    "freeze",
    "heal",
    "slow",
    "flap",
    "fill",
    "free",
    "search",
    "store",
    "traffic",
    "somebody",
    "install",
    "uninstall",
    "delete-volumes",
    "before",
    "after",
    "when",
    "c8dr",
    "interrupt",
    "expect",
    // Where the first word is a figure or a name these follow it; they are told when they are alone.
    "30s into failback",
    "ben: c8dr",
    "wait for ben",
];

/// What may be said of a world.
pub(super) const WORLD: [&str; 8] = [
    "brokers",
    "partitions",
    "seed",
    "bucket",
    "disk",
    "instance",
    "opensearch",
    "traffic",
];

/// c8dr's commands that a drill knows.
pub(super) const COMMANDS: [&str; 7] = ["failover", "failback", "plan", "run", "status", "ready", "why"];

/// A drill with more brokers than this would be no drill, but a benchmark.
const BROKERS_MAX: u64 = 32;
const PARTITIONS_MAX: u64 = 64;
/// Of a script, in bytes and in lines.
const TEXT_MAX: usize = 256 * 1024;
const LINES_MAX: usize = 1_000;

/// Who types where nobody is named.
pub const YOU: &str = "you";

impl Drill {
    /// Reads a script.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(text: &str) -> Result<Drill, Vec<Mistake>> {
        if text.len() > TEXT_MAX || text.lines().count() > LINES_MAX {
            return Err(vec![Mistake {
                what: "this is too long for a drill".to_owned(),
                help: format!("A drill has at most {LINES_MAX} lines and {TEXT_MAX} bytes."),
                span: 0..0,
                line: 1,
                column: 1,
            }]);
        }
        let mut reader = Reader::default();
        let mut begin = 0;
        for (index, raw) in text.split('\n').enumerate() {
            let line = raw.strip_suffix('\r').unwrap_or(raw);
            if let Err(mistake) = reader.line(index + 1, begin, line) {
                reader.mistakes.push(mistake);
            }
            begin += raw.len() + 1;
        }
        reader.finish(text)
    }
}

#[derive(Default)]
struct Reader {
    world: Option<(usize, WorldLine)>,
    lines: Vec<Line>,
    about: Vec<String>,
    has_code: bool,
    has_command: bool,
    /// Who has a command that goes on beside the script.
    beside: Vec<String>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn line(&mut self, number: usize, begin: usize, line: &str) -> Result<(), Mistake> {
        if let Some(comment) = line.trim().strip_prefix('#')
            && !self.has_code
        {
            self.about.push(comment.trim().to_owned());
        }
        let mut cursor = Cursor::new(number, begin, line)?;
        if cursor.is_empty() {
            return Ok(());
        }
        self.has_code = true;
        let statement = self.statement(number, &mut cursor)?;
        cursor.end()?;
        if let Some(statement) = statement {
            self.lines.push(Line {
                number,
                text: cursor.text(),
                statement,
            });
        }
        Ok(())
    }

    fn finish(mut self, text: &str) -> Result<Drill, Vec<Mistake>> {
        if let Some(who) = self.beside.first()
            && self.mistakes.is_empty()
        {
            self.mistakes.push(Mistake {
                what: format!("nobody waits for what {who} has begun"),
                help: format!("Add `wait for {who}`, and what is expected of it."),
                span: text.len()..text.len(),
                line: text.lines().count().max(1),
                column: 1,
            });
        }
        let expects = |line: &Line| match &line.statement {
            Statement::Expect(_) => true,
            Statement::Command { expects, .. } | Statement::WaitFor { expects, .. } => !expects.is_empty(),
            _ => false,
        };
        if self.mistakes.is_empty() && !self.lines.iter().any(expects) {
            self.mistakes.push(Mistake {
                what: "nothing is expected in this drill, so it could not fail".to_owned(),
                help: "Add an `expect` line: `expect verified, nothing missing, exporting on`.".to_owned(),
                span: text.len()..text.len(),
                line: text.lines().count().max(1),
                column: 1,
            });
        }
        if !self.mistakes.is_empty() {
            return Err(self.mistakes);
        }
        let mut about = self.about.into_iter().take_while(|line| !line.is_empty());
        Ok(Drill {
            world: self.world.map(|(_, world)| world).unwrap_or_default(),
            about: about.next().unwrap_or_default(),
            lines: self.lines,
        })
    }

    fn statement(&mut self, number: usize, cursor: &mut Cursor<'_>) -> Result<Option<Statement>, Mistake> {
        if cursor.is_figure() {
            return into(cursor, self.brokers()).map(Some);
        }
        let first = cursor.word("a statement")?;
        if let Some(operator) = first.strip_suffix(':') {
            let operator = self.operator(cursor, operator)?;
            cursor.one_of("command", &["c8dr"])?;
            return self.command(cursor, operator).map(Some);
        }
        Ok(Some(match first {
            "world" => {
                self.world(number, cursor)?;
                return Ok(None);
            }
            "at" => {
                let at = cursor.duration()?;
                let deed = match cursor.is_done() {
                    true => None,
                    false => Some(self.deed(cursor)?),
                };
                Statement::At(at, deed)
            }
            "wait" if cursor.has("for") => {
                let name = cursor.word("an operator's name")?;
                let place = self.goes_on(cursor, name)?;
                self.beside.remove(place);
                self.has_command = true;
                Statement::WaitFor {
                    operator: name.to_owned(),
                    expects: inline(cursor)?,
                }
            }
            "wait" => Statement::Wait(cursor.duration()?),
            "interrupt" => {
                let name = cursor.word("an operator's name")?;
                self.goes_on(cursor, name)?;
                Statement::Interrupt(name.to_owned())
            }
            "before" | "after" => {
                let side = match first {
                    "before" => Side::Before,
                    _ => Side::After,
                };
                let step = step(cursor)?;
                Statement::Trigger(
                    Moment::Request(step, side),
                    deeds::struck(cursor, Some(side), self.brokers())?,
                )
            }
            "when" => {
                let chapter = chapter(cursor)?;
                cursor.one_of("word here", &["has"])?;
                let count = cursor.number("a number of records", 1, 500)?;
                cursor.one_of("word here", &["records"])?;
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                Statement::Trigger(
                    Moment::Records(chapter, count),
                    deeds::struck(cursor, None, self.brokers())?,
                )
            }
            "c8dr" => return self.command(cursor, YOU.to_owned()).map(Some),
            "expect" => {
                let expects = expectations(cursor)?;
                // What is wished of the world can be asked for at any time; of a command only after one.
                let is_of_world = |one: &Expectation| matches!(one.what, Expected::World(..));
                if !self.has_command && !expects.iter().all(is_of_world) {
                    return Err(cursor.wrong(
                        "this expects something of a command, and none was typed yet",
                        "Put a `c8dr …` line before it.",
                    ));
                }
                Statement::Expect(expects)
            }
            _ if deeds::BEGINNINGS.contains(&first) => {
                cursor.back();
                Statement::Do(self.deed(cursor)?)
            }
            _ => return Err(cursor.unknown(first, "statement", &BEGINNINGS)),
        }))
    }

    fn deed(&self, cursor: &mut Cursor<'_>) -> Result<Deed, Mistake> {
        deeds::deed(cursor, self.brokers())
    }

    /// Whose command goes on beside the script.
    fn goes_on(&self, cursor: &Cursor<'_>, name: &str) -> Result<usize, Mistake> {
        let place = self.beside.iter().position(|one| one == name);
        place.ok_or_else(|| {
            cursor.wrong(
                format!("`{}` has nothing that goes on beside the script", shortened(name)),
                "Begin it first, with `&` at the end: `ben: c8dr failover --lost region1 &`.",
            )
        })
    }

    fn brokers(&self) -> u32 {
        let world = self.world.as_ref();
        world.map_or(WorldLine::default().brokers, |(_, world)| world.brokers)
    }

    fn operator(&self, cursor: &Cursor<'_>, name: &str) -> Result<String, Mistake> {
        let is_name = !name.is_empty() && name.len() <= 20 && name.chars().all(|c| c.is_ascii_alphanumeric());
        match is_name {
            true => Ok(name.to_owned()),
            false => Err(cursor.wrong(
                "an operator's name is wanted before the colon",
                "Up to 20 letters and figures: `ben: c8dr status`.",
            )),
        }
    }

    fn world(&mut self, number: usize, cursor: &mut Cursor<'_>) -> Result<(), Mistake> {
        if let Some((before, _)) = &self.world {
            return Err(cursor.wrong(
                format!("there is a world already, on line {before}"),
                "A drill has one world, before everything else: keep one of the two.",
            ));
        }
        if !self.lines.is_empty() {
            return Err(cursor.wrong(
                "the world comes too late here",
                "Put the `world` line before everything else.",
            ));
        }
        let mut world = WorldLine::default();
        // A world that is wrong is one all the same: the next is not the first.
        self.world = Some((number, world.clone()));
        let mut partitions = None;
        loop {
            match cursor.is_figure() {
                true => {
                    let place = cursor.clone();
                    let _ = cursor.word("a number")?;
                    let what = cursor.one_of("part of a world", &["brokers", "partitions"])?;
                    let mut number = place;
                    match what {
                        "brokers" => {
                            let count = number.number("the number of brokers", 4, BROKERS_MAX)?;
                            if count % 2 == 1 {
                                return Err(number.wrong(
                                    format!("{count} brokers cannot be split over two regions"),
                                    "Give an even number.",
                                ));
                            }
                            world.brokers = u32::try_from(count).unwrap_or(u32::MAX);
                        }
                        _ => {
                            let count = number.number("the number of partitions", 1, PARTITIONS_MAX)?;
                            partitions = Some(u32::try_from(count).unwrap_or(u32::MAX));
                        }
                    }
                }
                false => match cursor.one_of("part of a world", &WORLD)? {
                    "seed" => world.seed = cursor.number("a seed", 0, u64::MAX)?,
                    "bucket" => world.has_bucket = true,
                    "disk" => world.disk_bytes = Some(size(cursor)?),
                    "instance" => world.instance_bytes = Some(size(cursor)?),
                    "opensearch" => world.flavour = Flavour::Opensearch,
                    "traffic" => world.has_traffic = true,
                    word => {
                        return Err(cursor.wrong(
                            format!("how many {word}?"),
                            format!("Write the number before it: `4 {word}`."),
                        ));
                    }
                },
            }
            if cursor.is_done() {
                break;
            }
            comma(cursor)?;
        }
        world.partitions = partitions.unwrap_or(world.brokers);
        self.world = Some((number, world));
        Ok(())
    }

    fn command(&mut self, cursor: &mut Cursor<'_>, operator: String) -> Result<Statement, Mistake> {
        if self.beside.contains(&operator) {
            return Err(cursor.wrong(
                format!("what {operator} has begun still goes on"),
                format!("First `wait for {operator}`; or let somebody else type it: `ben: c8dr …`."),
            ));
        }
        let command = command(cursor)?;
        let beside = cursor.has("&");
        if beside {
            self.beside.push(operator.clone());
        } else {
            self.has_command = true;
        }
        let expects = match beside {
            true => Vec::new(),
            false => inline(cursor)?,
        };
        Ok(Statement::Command {
            operator,
            command,
            beside,
            expects,
        })
    }
}

fn comma(cursor: &mut Cursor<'_>) -> Result<(), Mistake> {
    let word = cursor.word("a comma")?;
    match word {
        "," => Ok(()),
        _ => Err(cursor.wrong(
            format!("a comma is missing before `{}`", shortened(word)),
            "Separate what belongs together by commas.",
        )),
    }
}

/// `4 GiB`, `64 KiB`.
fn size(cursor: &mut Cursor<'_>) -> Result<u64, Mistake> {
    let number = cursor.number("a size", 1, 1 << 20)?;
    let unit = cursor.one_of("unit of a size", &["KiB", "MiB", "GiB"])?;
    Ok(number
        << match unit {
            "KiB" => 10,
            "MiB" => 20,
            _ => 30,
        })
}

fn step(cursor: &mut Cursor<'_>) -> Result<StepId, Mistake> {
    let names: Vec<&'static str> = StepId::ALL.iter().map(|step| step.as_str()).collect();
    let name = cursor.one_of("step", &names)?;
    let step = StepId::ALL.iter().find(|step| step.as_str() == name);
    step.copied().ok_or_else(|| cursor.unknown(name, "step", &names))
}

fn chapter(cursor: &mut Cursor<'_>) -> Result<Chapter, Mistake> {
    Ok(match cursor.one_of("run", &["failover", "failback"])? {
        "failover" => Chapter::Failover,
        _ => Chapter::Failback,
    })
}

/// `30s into failback …`.
fn into(cursor: &mut Cursor<'_>, brokers: u32) -> Result<Statement, Mistake> {
    let after = cursor.duration()?;
    cursor.one_of("word here", &["into"])?;
    let chapter = chapter(cursor)?;
    let struck = deeds::struck(cursor, None, brokers)?;
    if matches!(struck, Struck::KillC8dr) {
        return Err(cursor.wrong(
            "c8dr is killed at a request or at a record, not at a time",
            "Write `after FB5 kill c8dr`, or `when failback has 12 records kill c8dr`.",
        ));
    }
    Ok(Statement::Trigger(Moment::Into(after, chapter), struck))
}

/// What is expected behind a command, on its line.
fn inline(cursor: &mut Cursor<'_>) -> Result<Vec<Expectation>, Mistake> {
    match cursor.has("expect") {
        true => expectations(cursor),
        false => Ok(Vec::new()),
    }
}

fn expectations(cursor: &mut Cursor<'_>) -> Result<Vec<Expectation>, Mistake> {
    let mut all = Vec::new();
    loop {
        let from = cursor.place();
        let what = wishes::expected(cursor)?;
        all.push(Expectation {
            what,
            text: cursor.text_since(from),
        });
        if cursor.is_done() {
            return Ok(all);
        }
        comma(cursor)?;
    }
}

fn command(cursor: &mut Cursor<'_>) -> Result<Command, Mistake> {
    Ok(
        match cursor.one_of("command of c8dr that a drill knows", &COMMANDS)? {
            "failover" => failover(cursor, false)?,
            "failback" => failback(cursor, false)?,
            "plan" => match cursor.one_of("plan", &["failover", "failback"])? {
                "failover" => failover(cursor, true)?,
                _ => failback(cursor, true)?,
            },
            "run" => match cursor.one_of("command of `c8dr run` that a drill knows", &["resume", "abort"])? {
                "resume" => Command::Resume {
                    from_record: cursor.has("--from-record"),
                },
                _ => {
                    if cursor.is_done() {
                        return Err(cursor.missing("`--reason`", &["--reason"]));
                    }
                    cursor.one_of("option", &["--reason"])?;
                    Command::Abort {
                        reason: cursor.quoted("a reason")?,
                    }
                }
            },
            "status" => Command::Status,
            "ready" => Command::Ready,
            _ => Command::Why,
        },
    )
}

fn is_option(cursor: &Cursor<'_>) -> bool {
    cursor.peek().is_some_and(|word| word.starts_with('-'))
}

fn failover(cursor: &mut Cursor<'_>, is_dry: bool) -> Result<Command, Mistake> {
    const OPTIONS: [&str; 8] = [
        "--lost",
        "--dry-run",
        "--yes",
        "--accept-unfenced",
        "--accept-data-loss",
        "--accept-unrecorded",
        "--reinforce",
        "--accept-unknown-disks",
    ];
    let mut accepts = Accepts::default();
    let (mut lost, mut is_dry, mut reinforce) = (None, is_dry, false);
    while is_option(cursor) {
        match cursor.one_of("option", &OPTIONS)? {
            "--lost" => lost = Some(cursor.region()?),
            "--dry-run" => is_dry = true,
            "--accept-unfenced" => accepts.unfenced = Some(cursor.quoted("a reason")?),
            "--accept-data-loss" => accepts.data_loss = Some(cursor.quoted("a reason")?),
            "--reinforce" => reinforce = true,
            "--accept-unknown-disks" => accepts.unknown_disks = Some(cursor.quoted("a reason")?),
            "--accept-unrecorded" => accepts.unrecorded = Some(cursor.quoted("a reason")?),
            // Nobody is asked in a drill.
            _ => {}
        }
    }
    match lost {
        Some(lost) => Ok(Command::Failover {
            lost,
            accepts,
            reinforce,
            is_dry,
        }),
        None => Err(cursor.wrong(
            "`--lost` is missing",
            format!("Name the region: `--lost region1`. {}", nearest("", &OPTIONS)),
        )),
    }
}

fn failback(cursor: &mut Cursor<'_>, is_dry: bool) -> Result<Command, Mistake> {
    const OPTIONS: [&str; 4] = ["--returning", "--dry-run", "--yes", "--adopt-pause"];
    let (mut returning, mut adopt_pause, mut is_dry) = (None, None, is_dry);
    while is_option(cursor) {
        match cursor.one_of("option", &OPTIONS)? {
            "--returning" => returning = Some(cursor.region()?),
            "--dry-run" => is_dry = true,
            "--adopt-pause" => adopt_pause = Some(cursor.quoted("a reason")?),
            _ => {}
        }
    }
    match returning {
        Some(returning) => Ok(Command::Failback {
            returning,
            adopt_pause,
            is_dry,
        }),
        None => Err(cursor.wrong(
            "`--returning` is missing",
            format!(
                "Name the region: `--returning region1`. {}",
                nearest("", &OPTIONS)
            ),
        )),
    }
}
