//! `itertools`.

use super::super::arithmetic::{Operator, operate};
use super::super::iterate::Iter;
use super::super::iterator::{FromFunction, IteratorObject};
use super::super::methods::int_argument;
use super::super::{Arguments, Exception, Iterate as _, Object, Raised, collect, equals, iterate};
use super::{Member, Module};

pub(super) static ITERTOOLS: Module = Module {
    name: "itertools",
    members: &[
        ("accumulate", Member::Function(accumulate)),
        ("chain", Member::Function(chain)),
        ("combinations", Member::Function(combinations)),
        ("count", Member::Function(count)),
        ("cycle", Member::Function(cycle)),
        ("groupby", Member::Function(groupby)),
        ("islice", Member::Function(islice)),
        ("product", Member::Function(product)),
        ("repeat", Member::Function(repeat)),
        ("zip_longest", Member::Function(zip_longest)),
    ],
};

fn iterator(
    name: &'static str,
    next: impl FnMut() -> Raised<Option<Object>> + 'static,
) -> Raised<Object> {
    Ok(Object::native(IteratorObject::new(
        name,
        FromFunction(next),
    )))
}

fn count(arguments: Arguments) -> Raised<Object> {
    let [start, step] = arguments.bind("count", ["start", "step"], 0)?;
    let mut next = start.unwrap_or(Object::Int(0));
    let step = step.unwrap_or(Object::Int(1));
    if next.as_float().is_none() || step.as_float().is_none() {
        return Err(Exception::type_error("a number is required"));
    }
    iterator("count", move || {
        let following = operate(Operator::Add, &next, &step)?;
        Ok(Some(std::mem::replace(&mut next, following)))
    })
}

fn chain(arguments: Arguments) -> Raised<Object> {
    let mut rest = arguments.without_keywords("chain")?.into_iter();
    let mut current = Iter::Empty;
    iterator("chain", move || {
        loop {
            if let Some(item) = current.next()? {
                return Ok(Some(item));
            }
            match rest.next() {
                Some(next) => current = iterate(&next)?,
                None => return Ok(None),
            }
        }
    })
}

fn cycle(arguments: Arguments) -> Raised<Object> {
    let [items] = arguments.exactly("cycle")?;
    let mut items = iterate(&items)?;
    let mut seen: Vec<Object> = Vec::new();
    let mut at = 0;
    iterator("cycle", move || {
        if let Some(item) = items.next()? {
            seen.push(item.clone());
            return Ok(Some(item));
        }
        if seen.is_empty() {
            return Ok(None);
        }
        at += 1;
        Ok(Some(seen[(at - 1) % seen.len()].clone()))
    })
}

fn repeat(arguments: Arguments) -> Raised<Object> {
    let [object, times] = arguments.bind("repeat", ["object", "times"], 1)?;
    let object = object.unwrap_or_default();
    let mut left = times.map(|times| int_argument(&times)).transpose()?;
    iterator("repeat", move || {
        if let Some(left) = &mut left {
            if *left <= 0 {
                return Ok(None);
            }
            *left -= 1;
        }
        Ok(Some(object.clone()))
    })
}

fn islice(arguments: Arguments) -> Raised<Object> {
    let given = arguments.without_keywords("islice")?;
    let (items, start, stop, step) = match &given[..] {
        [items, stop] => (items, None, Some(stop), None),
        [items, start, stop] => (items, Some(start), Some(stop), None),
        [items, start, stop, step] => (items, Some(start), Some(stop), Some(step)),
        _ => return Err(Exception::type_error("islice expected 2 to 4 arguments")),
    };
    let number = |bound: Option<&Object>| match bound {
        None | Some(Object::None) => Ok(None),
        Some(bound) => int_argument(bound).map(Some),
    };
    let (mut next, stop) = (number(start)?.unwrap_or(0), number(stop)?);
    let step = number(step)?.unwrap_or(1);
    if next < 0 || stop.is_some_and(|stop| stop < 0) || step < 1 {
        return Err(Exception::value_error(
            "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.",
        ));
    }
    let mut items = iterate(items)?;
    let mut at = 0;
    iterator("islice", move || {
        if stop.is_some_and(|stop| next >= stop) {
            return Ok(None);
        }
        while let Some(item) = items.next()? {
            at += 1;
            if at - 1 == next {
                next += step;
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn zip_longest(arguments: Arguments) -> Raised<Object> {
    let Arguments {
        positional,
        keywords,
    } = arguments;
    let rest = Arguments {
        positional: Vec::new(),
        keywords,
    };
    let [fill] = rest.bind("zip_longest", ["fillvalue"], 0)?;
    let fill = fill.unwrap_or_default();
    let iterators: Raised<Vec<Iter>> = positional.iter().map(iterate).collect();
    let mut iterators = iterators?;
    iterator("zip_longest", move || {
        let mut items = Vec::new();
        let mut has_any = false;
        for iterator in &mut iterators {
            let item = iterator.next()?;
            has_any |= item.is_some();
            items.push(item.unwrap_or_else(|| fill.clone()));
        }
        Ok(has_any.then(|| Object::tuple(items)))
    })
}

fn product(arguments: Arguments) -> Raised<Object> {
    let Arguments {
        positional,
        keywords,
    } = arguments;
    let rest = Arguments {
        positional: Vec::new(),
        keywords,
    };
    let [repeat] = rest.bind("product", ["repeat"], 0)?;
    let repeat = repeat.map_or(Ok(1), |repeat| int_argument(&repeat))?;
    let pools: Raised<Vec<Vec<Object>>> = positional.iter().map(collect).collect();
    let pools = pools?;
    let count = usize::try_from(repeat.clamp(0, 64)).unwrap_or(1) * pools.len();
    let pools: Vec<Vec<Object>> = pools.iter().cycle().take(count).cloned().collect();
    let mut indices = vec![0; pools.len()];
    let mut is_ended = pools.iter().any(Vec::is_empty);
    iterator("product", move || {
        if is_ended {
            return Ok(None);
        }
        let items = pools.iter().zip(&indices);
        let items = items.map(|(pool, index)| pool[*index].clone()).collect();
        is_ended = true;
        for (index, pool) in indices.iter_mut().zip(&pools).rev() {
            *index += 1;
            if *index < pool.len() {
                is_ended = false;
                break;
            }
            *index = 0;
        }
        Ok(Some(Object::tuple(items)))
    })
}

fn combinations(arguments: Arguments) -> Raised<Object> {
    let [items, size] = arguments.bind("combinations", ["iterable", "r"], 2)?;
    let pool = collect(&items.unwrap_or_default())?;
    let size = usize::try_from(int_argument(&size.unwrap_or_default())?)
        .map_err(|_| Exception::value_error("r must be non-negative"))?;
    let mut indices: Vec<usize> = (0..size.min(pool.len())).collect();
    let mut is_ended = size > pool.len();
    iterator("combinations", move || {
        if is_ended {
            return Ok(None);
        }
        let items = indices.iter().map(|index| pool[*index].clone()).collect();
        let movable = (0..size)
            .rev()
            .find(|position| indices[*position] != position + pool.len() - size);
        match movable {
            Some(position) => {
                indices[position] += 1;
                for following in position + 1..size {
                    indices[following] = indices[following - 1] + 1;
                }
            }
            None => is_ended = true,
        }
        Ok(Some(Object::tuple(items)))
    })
}

fn accumulate(arguments: Arguments) -> Raised<Object> {
    let [items, combine] = arguments.bind("accumulate", ["iterable", "func"], 1)?;
    let mut items = iterate(&items.unwrap_or_default())?;
    let combine = combine.filter(|combine| !matches!(combine, Object::None));
    let mut total: Option<Object> = None;
    iterator("accumulate", move || {
        let Some(item) = items.next()? else {
            return Ok(None);
        };
        let next = match (&total, &combine) {
            (None, _) => item,
            (Some(total), Some(combine)) => {
                combine.call(Arguments::positional(vec![total.clone(), item]))?
            }
            (Some(total), None) => operate(Operator::Add, total, &item)?,
        };
        total = Some(next.clone());
        Ok(Some(next))
    })
}

/// Unlike in Python, a group stays when the next one is asked for.
fn groupby(arguments: Arguments) -> Raised<Object> {
    let [items, key] = arguments.bind("groupby", ["iterable", "key"], 1)?;
    let key = key.filter(|key| !matches!(key, Object::None));
    let mut items = iterate(&items.unwrap_or_default())?;
    let mut next: Option<(Object, Object)> = None;
    let mut is_started = false;
    iterator("groupby", move || {
        let mut advance = || -> Raised<Option<(Object, Object)>> {
            let Some(item) = items.next()? else {
                return Ok(None);
            };
            let group = match &key {
                Some(key) => key.call1(item.clone())?,
                None => item.clone(),
            };
            Ok(Some((group, item)))
        };
        if !is_started {
            is_started = true;
            next = advance()?;
        }
        let Some((group, first)) = next.take() else {
            return Ok(None);
        };
        let mut members = vec![first];
        while let Some((other, item)) = advance()? {
            if !equals(&other, &group)? {
                next = Some((other, item));
                break;
            }
            members.push(item);
        }
        let members = IteratorObject::of(&Object::list(members))?;
        Ok(Some(Object::tuple(vec![group, members])))
    })
}
