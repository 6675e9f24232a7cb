//! From the library's errors to what was seen, or to what is known of a put. In doubt it is unknown.

use std::error::Error;
use std::io;

use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::ports::PutNew;

use super::carrier::{Answered, NoList};
use crate::foreign::shown;
use crate::http::{Fault, chain};
use crate::reading::unheard;

/// What is known of a put that did not end well.
pub(super) fn not_put(error: &object_store::Error) -> PutNew {
    if let Some(answered) = find::<Answered>(error) {
        let words = answered.to_string();
        return match answered.status {
            // The condition that we sent: none of this name.
            412 => PutNew::Exists,
            // Nothing was done, and asking again in the same way does not help. 501 is a store that knows no conditions.
            301 | 501 => PutNew::Refused { why: words },
            // 409: another put of this key is under way, which may yet fail. 408 and 429: not now.
            408 | 409 | 429 => PutNew::Unknown { detail: words },
            400..=499 => PutNew::Refused { why: words },
            _ => PutNew::Unknown { detail: words },
        };
    }
    match (find::<Fault>(error), error) {
        (Some(Fault::NotSent { why, detail }), _) => PutNew::NotSent {
            why: *why,
            detail: detail.clone(),
        },
        (Some(fault), _) => PutNew::Unknown {
            detail: fault.to_string(),
        },
        (None, object_store::Error::AlreadyExists { .. }) => PutNew::Exists,
        (None, error) => PutNew::Unknown { detail: told(error) },
    }
}

/// Whether it says that there is no object of this name, and not that there is no bucket, or no such path.
pub(super) fn is_absent(error: &object_store::Error) -> bool {
    match find::<Answered>(error) {
        Some(answered) => answered.status == 404 && answered.code.as_deref() == Some("NoSuchKey"),
        None => {
            let above_is_a_file =
                || find::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::NotADirectory);
            matches!(error, object_store::Error::NotFound { .. }) || above_is_a_file()
        }
    }
}

/// Why nothing was read.
pub(super) fn unread<T>(error: &object_store::Error) -> Sight<T> {
    if let Some(Answered { status, message, .. }) = find::<Answered>(error) {
        return Sight::Declined {
            status: *status,
            message: message.clone(),
        };
    }
    if let Some(fault) = find::<Fault>(error) {
        return unheard(fault);
    }
    if let Some(no_list) = find::<NoList>(error) {
        return Sight::Garbled {
            problem: no_list.to_string(),
        };
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::PermissionDenied) => Sight::Declined {
            status: 403,
            message: told(error),
        },
        Some(_) => Sight::Silent {
            why: Silence::Broken,
            detail: told(error),
        },
        None => Sight::Garbled { problem: told(error) },
    }
}

fn told(error: &object_store::Error) -> String {
    shown(chain(error).as_bytes(), 400)
}

/// The first error of a kind among an error and its sources.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
