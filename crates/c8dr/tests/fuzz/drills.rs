//! Scripts of drills: refused at places that are in the file, or understood.

use c8dr_domain::plain;
use c8dr_storm::drill::{ALL, Drill};

use super::driver::{bounded, fuzz};
use super::mutate;

#[test]
fn fuzz_drills() {
    let seeds: Vec<Vec<u8>> = ALL.iter().map(|known| known.text.into()).collect();
    fuzz(
        "drills",
        1_500,
        &seeds,
        |chance| {
            let known = chance.pick(ALL);
            match chance.below(3) {
                0 => mutate::bytes(chance, known.text.as_bytes()),
                _ => mutate::lines(chance, known.text),
            }
        },
        |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let Err(mistakes) = Drill::parse(&text) else {
                return Ok(());
            };
            for one in mistakes {
                if text.get(one.span.clone()).is_none() {
                    return Err(format!(
                        "{one} is at {:?}, which is no place in the file",
                        one.span
                    ));
                }
                for words in [&one.what, &one.help] {
                    bounded(words, 4_000, plain::is_obeyed)?;
                }
            }
            Ok(())
        },
    );
}
