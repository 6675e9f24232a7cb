//! What a person writes: the configuration, and the addresses in it.

use std::path::Path;

use c8dr::config;
use c8dr_domain::plain::is_obeyed;
use c8dr_systems::base_url::BaseUrl;
use c8dr_systems::bucket::Place;

use super::driver::{bounded, fuzz, told};
use super::mutate;

const CONFIGURATION: &str = include_str!("../../../../fuzz/corpus/configuration/whole.yaml");

#[test]
fn fuzz_configurations() {
    fuzz(
        "configuration",
        1_000,
        &[],
        |chance| match chance.below(3) {
            0 => mutate::bytes(chance, CONFIGURATION.as_bytes()),
            _ => mutate::lines(chance, CONFIGURATION),
        },
        |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else {
                return Ok(());
            };
            let Err(error) = config::try_out(Path::new("c8dr.yaml"), text) else {
                return Ok(());
            };
            bounded(&told(&error), 3_000, |c| is_obeyed(c) && c != '\n')?;
            // It is shown in its source: every place that it names must be there.
            let length = text.len();
            let shown = format!("{:?}", miette::Report::new(error));
            bounded(&shown, 20_000 + 8 * length, |_| false)
        },
    );
}

const URLS: &[&str] = &[
    "http://camunda-zeebe-gateway.camunda-london:9600",
    "https://[::1]:9600/context/path",
    "https://user:secret@host:9600/",
    "http://127.0.0.1:1/?q=1#f",
    "HTTP://ex%41mple:80/%2e%2e/",
    "s3://my-backup/c8dr",
    "file:///var/lib/c8dr",
];

#[test]
fn fuzz_base_urls() {
    let seeds: Vec<Vec<u8>> = URLS.iter().map(|url| url.as_bytes().to_vec()).collect();
    fuzz(
        "base-url",
        6_000,
        &seeds,
        |chance| {
            let url = chance.pick(URLS).as_bytes();
            mutate::bytes(chance, url)
        },
        |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else {
                return Ok(());
            };
            let text = text.trim();
            if let Ok(url) = BaseUrl::parse(text) {
                let shown = url.to_string();
                bounded(&shown, 12 * text.len() + 100, is_obeyed)?;
                bounded(&url.target(), 12 * text.len() + 100, is_obeyed)?;
                if shown.contains('@') && shown.split('/').nth(2).is_some_and(|host| host.contains('@')) {
                    return Err(format!("{shown} holds credentials"));
                }
                let again = BaseUrl::parse(&shown).map_err(|error| format!("{shown} is none: {error}"))?;
                if again.to_string() != shown {
                    return Err(format!("{shown} is read again as {again}"));
                }
            }
            if let Ok(place) = Place::parse(text) {
                let shown = place.to_string();
                bounded(&shown, 12 * text.len() + 100, is_obeyed)?;
                // A folder is shown as people write it; one that a URL would spell otherwise reads otherwise.
                if matches!(place, Place::Folder(_)) && shown.contains(['%', '?', '#', '\\']) {
                    return Ok(());
                }
                let again = Place::parse(&shown).map_err(|error| format!("{shown} is no place: {error}"))?;
                if again.to_string() != shown {
                    return Err(format!("{shown} is read again as {again}"));
                }
            }
            Ok(())
        },
    );
}
