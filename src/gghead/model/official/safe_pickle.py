"""Reads a pickle as data: a machine for its opcodes that builds plain containers and inert records, and runs nothing.

Unpickling is running a program: its opcodes import names and call them. This machine knows the same opcodes but has no
way to import or to call. A name of the file becomes a Reference, a call becomes a Record of what would have been called
with what. Names that no checkpoint of a network needs are refused by name, so that a file made for harm is told from
one that is merely odd.
"""

import os
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from typing import IO, Any, TypeVar, cast

from gghead.config.printable import printable, shown
from gghead.model.official.bounds import MAX_BITS, MAX_KEY, MAX_NAME, MAX_PARTS, Budget

WRITTEN_OUT = (
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES "
    "BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 FLOAT BINFLOAT"
)
VALUE_OPCODES = frozenset(WRITTEN_OUT.split())
"""Opcodes that push the value written behind them."""
IGNORED_OPCODES = ("FRAME", "STOP")
"""Frames only help readers of streams; at the stop the result is on the stack."""
NEWEST_PROTOCOL = 5

T = TypeVar("T")


class UnsafePickleError(ValueError):
    """The pickle tries something that no checkpoint needs; nothing of it was run."""


@dataclass(frozen=True, slots=True, repr=False)
class Reference:
    """A name that the pickle would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return printable(f"{self.module}.{self.name}")

    __repr__ = __str__


@dataclass(eq=False, slots=True, repr=False)
class Record:
    """What the pickle would make by calling something: an object of a class, most often.

    Attributes:
        reference: what would be called.
        arguments: with what.
        state: what the object would be given afterwards, most often a dict of its attributes.
    """

    reference: Reference
    arguments: tuple[object, ...]
    state: object = None

    def __repr__(self) -> str:
        # Not the contents: they may be cyclic, or share parts so often that their text would never end.
        return f"<{self.reference}>"


@dataclass(frozen=True)
class Policy:
    """What a pickle may contain.

    Attributes:
        allowed: whether a name may appear.
        interpret: the value of a call whose meaning is known, or the record it got.
        persistent: the value of a persistent id, as torch writes for storages.
        budget: what reading it may cost; pickles inside of pickles spend from the same.
    """

    allowed: Callable[[Reference], bool]
    interpret: Callable[[Record], object]
    persistent: Callable[[object], object]
    budget: Budget


def no_persistent_ids(identifier: object) -> object:
    """For pickles that have no business with persistent ids."""
    raise UnsafePickleError(f"the pickle asks for an object outside of itself, {_told(identifier)}; refused")


def read_inert(stream: BufferedIOBase, policy: Policy) -> object:
    """Reads one pickle from a seekable binary file, which stands behind it afterwards.

    Returns:
        None, bool, int, float, str, bytes, list, tuple, dict, set, Reference, Record, and what the policy makes.

    Raises:
        UnsafePickleError: the pickle names what the policy does not allow, or calls or changes what is none of its own.
        ValueError: it is cut off, damaged or no pickle.
    """
    machine = _Machine(policy)
    try:
        for opcode, argument, _ in pickletools.genops(cast(IO[bytes], _Source(stream))):
            machine.step(opcode.name, argument)
    except UnsafePickleError:
        raise
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        reason = printable(str(error), 200)
        raise ValueError(f"the pickle is cut off or damaged ({reason}); use another copy of the file") from error
    return machine.result()


class _Source:
    """A stream that is never asked for more than it holds: what a pickle declares is compared before it is believed."""

    def __init__(self, stream: BufferedIOBase) -> None:
        start = stream.tell()
        self.end = stream.seek(0, os.SEEK_END)
        stream.seek(start)
        self.stream, self.tell, self.readline = stream, stream.tell, stream.readline

    def read(self, size: int) -> bytes:
        """So many bytes."""
        left = self.end - self.tell()
        if size > left:
            raise ValueError(f"it declares {size} bytes where {left} are left")
        return self.stream.read(size)


class _Mark:
    """Separates the members of a container from what lies below it on the stack."""


MARK = _Mark()


class _Machine:
    """The stack, the memo, and one method for each family of opcodes."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.stack: list[object] = []
        self.memo: list[object] = []
        self.steps = 0

    def step(self, name: str, argument: Any) -> None:
        """Carries out one opcode."""
        self.policy.budget.spend_opcode()
        self.steps += 1
        if name in VALUE_OPCODES:
            if isinstance(argument, int) and argument.bit_length() > MAX_BITS:
                raise ValueError(f"found {shown(argument)}; expected at most {MAX_BITS}")
            self.stack.append(argument)
        elif name in MADE:
            self.stack.append(MADE[name](self))
        elif name not in IGNORED_OPCODES:
            method = getattr(self, f"_do_{name.lower()}", None)
            if method is None:
                raise UnsafePickleError(f"the pickle uses the opcode {name}, which no checkpoint needs; refused")
            method(argument)

    def result(self) -> object:
        """What the pickle amounts to."""
        if len(self.stack) != 1:
            raise ValueError(
                f"the pickle leaves {len(self.stack)} values instead of 1; it is damaged: use another copy"
            )
        return self.stack[0]

    def pop(self, kind: type = object) -> Any:
        """Takes the top of the stack, which must be of a kind."""
        value = self.stack.pop()
        if value is MARK or not isinstance(value, kind):
            raise ValueError(f"found {_told(value)} where something else belongs")
        return value

    def pop_to_mark(self) -> list[object]:
        """Takes everything above the last mark, and the mark."""
        start = len(self.stack) - 1
        while self.stack[start] is not MARK:
            start -= 1
            if start < 0:
                raise ValueError("a container without a beginning")
        values = self.stack[start + 1 :]
        del self.stack[start:]
        return values

    def pop_tuple(self, count: int) -> tuple[object, ...]:
        """Takes so many values from the top of the stack, the lowest first."""
        return tuple([self.pop() for _ in range(count)][::-1])

    def call(self, target: object, arguments: tuple[object, ...]) -> object:
        """What a call of a name amounts to: a record, or its known meaning."""
        if not isinstance(target, Reference):
            raise UnsafePickleError(f"the pickle calls {_told(target)}, which is no plain name; refused")
        return self.policy.interpret(Record(target, arguments))

    def refer(self, module: object, name: object) -> Reference:
        """A name, if the policy allows it."""
        reference = Reference(_text(module), _text(name))
        if not self.policy.allowed(reference):
            raise UnsafePickleError(
                f"the pickle refers to {reference}, which no checkpoint of a network needs; nothing was run, the file "
                "is refused: it was changed by somebody or is no GGHead checkpoint"
            )
        return reference

    def _do_proto(self, version: int) -> None:
        if version > NEWEST_PROTOCOL:
            raise ValueError(f"pickle protocol {version}; expected at most {NEWEST_PROTOCOL}")

    def _do_pop(self, _: object) -> None:
        self.stack.pop()

    def _do_pop_mark(self, _: object) -> None:
        self.pop_to_mark()

    def _do_memoize(self, _: object) -> None:
        self._do_put(len(self.memo))

    def _do_put(self, index: int | str) -> None:
        place = int(index)
        if not 0 <= place <= self.steps:  # picklers count up; a list of that length takes memory like the file
            raise ValueError(f"an entry of its memo has the number {shown(place)} after {self.steps} opcodes")
        self.memo += [MARK] * (place + 1 - len(self.memo))
        self.memo[place] = self.stack[-1]

    _do_binput = _do_put
    _do_long_binput = _do_put

    def _do_get(self, index: int | str) -> None:
        place = int(index)
        if not 0 <= place < len(self.memo) or self.memo[place] is MARK:
            raise ValueError(f"its memo has no entry {shown(place)}")
        self.stack.append(self.memo[place])

    _do_binget = _do_get
    _do_long_binget = _do_get

    def _do_append(self, _: object) -> None:
        value = self.pop()
        self.top(list).append(value)

    def _do_appends(self, _: object) -> None:
        values = self.pop_to_mark()
        self.top(list).extend(values)

    def _do_additems(self, _: object) -> None:
        values = self.pop_to_mark()
        self.top(set).update(self.key(value) for value in values)

    def _do_setitem(self, _: object) -> None:
        value = self.pop()
        key = self.key(self.pop())
        self.top(dict)[key] = value

    def _do_setitems(self, _: object) -> None:
        values = self.pop_to_mark()
        self.top(dict).update(self.pairs(values))

    def pairs(self, values: list[object]) -> dict[object, object]:
        """Keys and values in turn, as a dict."""
        return {self.key(key): value for key, value in zip(values[::2], values[1::2], strict=True)}

    def key(self, value: object) -> object:
        """A key of a dict or a member of a set: hashing it, and comparing it with others, takes bounded time."""
        if value is None or isinstance(value, Reference | Record) or (isinstance(value, str) and len(value) <= MAX_KEY):
            return value
        self.policy.budget.spend_hashed_key()
        parts = value if isinstance(value, tuple) else (value,)
        if len(parts) > MAX_PARTS or not all(_is_plain(part) for part in parts):
            raise ValueError(f"found {_told(value)} as a key")
        return value

    def top(self, kind: type[T]) -> T:
        """The top of the stack, which a container opcode is about to fill; only plain containers are ever filled."""
        value = self.stack[-1]
        if not isinstance(value, kind):
            raise UnsafePickleError(f"the pickle fills {_told(value)} like a {kind.__name__}; refused")
        return value

    def _do_global(self, argument: object) -> None:
        module, _, name = str(argument).partition(" ")
        self.stack.append(self.refer(module, name))

    def _do_stack_global(self, _: object) -> None:
        name = self.pop()
        self.stack.append(self.refer(self.pop(), name))

    def _do_reduce(self, _: object) -> None:
        arguments = self.pop(tuple)
        self.stack.append(self.call(self.pop(), arguments))

    _do_newobj = _do_reduce

    def _do_inst(self, argument: object) -> None:
        module, _, name = str(argument).partition(" ")
        target = self.refer(module, name)
        self.stack.append(self.call(target, tuple(self.pop_to_mark())))

    def _do_obj(self, _: object) -> None:
        target, *arguments = self.pop_to_mark()
        self.stack.append(self.call(target, tuple(arguments)))

    def _do_build(self, _: object) -> None:
        state = self.pop()
        target = self.stack[-1]
        if isinstance(target, dict) and isinstance(state, dict) and state.keys() == {"_metadata"}:
            return  # versions of layers, which torch hangs onto the dict of a network's state
        if not isinstance(target, Record):
            raise UnsafePickleError(f"the pickle changes the attributes of {_told(target)}; refused")
        if target.state is not None:
            raise UnsafePickleError(f"the pickle sets the state of {_told(target)} twice; refused")
        target.state = state

    def _do_persid(self, argument: object) -> None:
        self.stack.append(self.policy.persistent(argument))


MADE: Mapping[str, Callable[[_Machine], object]] = {
    "NONE": lambda machine: None,
    "NEWTRUE": lambda machine: True,
    "NEWFALSE": lambda machine: False,
    "MARK": lambda machine: MARK,
    "DUP": lambda machine: machine.stack[-1],
    "EMPTY_TUPLE": lambda machine: (),
    "EMPTY_LIST": lambda machine: [],
    "EMPTY_DICT": lambda machine: {},
    "EMPTY_SET": lambda machine: set(),
    "LIST": _Machine.pop_to_mark,
    "TUPLE": lambda machine: tuple(machine.pop_to_mark()),
    "TUPLE1": lambda machine: machine.pop_tuple(1),
    "TUPLE2": lambda machine: machine.pop_tuple(2),
    "TUPLE3": lambda machine: machine.pop_tuple(3),
    "DICT": lambda machine: machine.pairs(machine.pop_to_mark()),
    "FROZENSET": lambda machine: frozenset(map(machine.key, machine.pop_to_mark())),
    "BINPERSID": lambda machine: machine.policy.persistent(machine.pop()),
}
"""Opcodes without an argument that push one value, made of what they take from the stack."""


def _is_plain(value: object) -> bool:
    if isinstance(value, str | bytes):
        return len(value) <= MAX_KEY
    return value is None or isinstance(value, bool | int | float | Reference | Record)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_NAME:
        raise UnsafePickleError(f"the pickle names something by {_told(value)} instead of a short text; refused")
    return value


def _told(value: object) -> str:
    """A value in a message: short, and never the contents of a container."""
    if isinstance(value, Record | Reference):
        return f"{value.reference}(...)" if isinstance(value, Record) else str(value)
    return shown(value)
