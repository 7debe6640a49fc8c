"""The loggers of jqtrade itself: a call never raises, and one handler that fails does not keep the line from the others.

An order that is out must not look refused because a chat robot, hung onto the root logger by the strategy, has no network.
Nor may a refusal go unseen because a library has configured `logging` anew: our own handlers hang on an OwnLogger, where
logging.config, basicConfig(force=True), logging.disable and logging.shutdown do not find them.
"""

import logging
import sys
from types import TracebackType
from typing import Any, Callable, List, Mapping, Optional, Sequence, Set, Tuple, Type, Union, cast

_ExcInfo = Union[
    None,
    bool,
    BaseException,
    Tuple[Type[BaseException], BaseException, Optional[TracebackType]],
    Tuple[None, None, None],
]
_Extra = Optional[Mapping[str, Any]]


_SHOWN = "jqtrade_shown"
"""set on a record that our own handlers have had"""


class OwnLogger(logging.Logger):
    """The logger `jqtrade` or `strategy`: what it is given reaches `own_handlers`, however `logging` is configured.

    All other handlers get it as `logging` has it. A level or a filter that somebody sets on the logger `strategy` counts
    for ours too: who does so means that one.
    """

    own_handlers: Sequence[logging.Handler] = ()
    own_level: Optional[int] = None
    """from which level on; None: as the logger itself says"""

    def wants(self, level: int) -> bool:
        """Whether our own handlers get what has this level; disabled or not."""
        wanted = self.own_level if self.own_level is not None else self.getEffectiveLevel()
        return bool(self.own_handlers) and level >= wanted

    def isEnabledFor(self, level: int) -> bool:
        return self.wants(level) or super().isEnabledFor(level)

    def handle(self, record: logging.LogRecord) -> None:
        kept: Any = self.filter(record)  # once: a filter may count
        if not kept:
            return
        if isinstance(kept, logging.LogRecord):  # from Python 3.12 on it may be another one
            record = kept
        if self.wants(record.levelno):
            mark_shown(record)
            for handler in self.own_handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)
        if super().isEnabledFor(record.levelno) and not self.disabled:
            self.callHandlers(record)

    def callHandlers(self, record: logging.LogRecord) -> None:
        for handler in _handlers(self):
            if record.levelno >= handler.level:
                handler.handle(record)

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = super().makeRecord(*args, **kwargs)
        as_printed(record)
        return record


def own_logger(name: str) -> OwnLogger:
    """The logger `name`, as an OwnLogger: the same object, if somebody has asked `logging` for it already."""
    logger = logging.getLogger(name)
    if not isinstance(logger, OwnLogger):
        logger.__class__ = OwnLogger
    return cast(OwnLogger, logger)


def mark_shown(record: logging.LogRecord) -> None:
    record.__dict__[_SHOWN] = True


def is_shown(record: logging.LogRecord) -> bool:
    """Whether our own handlers have had `record`."""
    return _SHOWN in record.__dict__


def as_printed(record: logging.LogRecord) -> None:
    """Let `log.info("a", 1)` say "a 1", as print does: arguments that fit no % in the message follow it."""
    if not record.args:
        return
    message = str(record.msg)
    if "%" in message:
        try:
            message % record.args
        except Exception:  # it does not fit, or a value cannot be shown
            pass
        else:
            return
    values = record.args if isinstance(record.args, tuple) else (record.args,)
    record.msg, record.args = " ".join([message] + [_text(value) for value in values]), ()


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # whatever a class of the user's raises
        return f"<{type(value).__name__}：{type(error).__name__}>"


def _method(level: int, with_traceback: bool = False) -> Callable[..., None]:
    """One of the methods of a logger, such as `info(message, *args, exc_info=None, extra=None)`."""

    def call(
        self: "SafeLog", message: str, *args: Any, exc_info: _ExcInfo = with_traceback, extra: _Extra = None
    ) -> None:
        try:
            self._log(level, message, args, exc_info, extra)
        except RecursionError:  # raised again while it was being told of: the end of the stack is that near
            pass

    return call


class SafeLog:
    """A logger by the methods that jqtrade uses. What a handler, a filter or a signal handler raises meanwhile stays inside.

    Only KeyboardInterrupt comes out, after every handler had the line: it is the user's second Ctrl+C, which is to end
    the process at once.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    @property
    def name(self) -> str:
        return self.logger.name

    debug = _method(logging.DEBUG)
    info = _method(logging.INFO)
    warning = _method(logging.WARNING)
    error = _method(logging.ERROR)
    exception = _method(logging.ERROR, with_traceback=True)

    def log(self, level: int, message: str, *args: Any) -> None:
        try:
            self._log(level, message, args)
        except RecursionError:
            pass

    def _log(
        self,
        level: int,
        message: str,
        args: Tuple[Any, ...],
        exc_info: _ExcInfo = None,
        extra: _Extra = None,
    ) -> None:
        try:
            owner = _owner(self.logger)
            is_ours = owner is not None and owner.wants(level)
            if not is_ours and not self.logger.isEnabledFor(level):
                return
            record = self._record(level, message, args, exc_info, extra)
            interrupt = None
            if owner is not None and is_ours:
                mark_shown(record)
                for handler in owner.own_handlers:
                    interrupt = _hand_over(handler, record) or interrupt
            if self.logger.isEnabledFor(level) and not self._is_filtered_out(record):
                for handler in _handlers(self.logger):
                    interrupt = _hand_over(handler, record) or interrupt
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # out of memory, at the end of the stack, a signal handler's exception
            _say_once(self.logger, error)
            return
        if interrupt is not None:
            raise interrupt

    def _record(
        self, level: int, message: str, args: Tuple[Any, ...], exc_info: _ExcInfo, extra: _Extra
    ) -> logging.LogRecord:
        if isinstance(exc_info, BaseException):
            exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
        elif exc_info is True:
            exc_info = sys.exc_info()
        info = exc_info if isinstance(exc_info, tuple) else None
        code = sys._getframe(3)  # who called info() or the like
        where = (code.f_code.co_filename, code.f_lineno)
        try:
            return self.logger.makeRecord(
                self.name, level, where[0], where[1], message, args, info, code.f_code.co_name, extra
            )
        except Exception as error:  # a record factory of the user's
            _say_once(self.logger, error)
            record = logging.LogRecord(self.name, level, where[0], where[1], message, args, info, code.f_code.co_name)
            record.__dict__.update(extra or {})
            return record

    def _is_filtered_out(self, record: logging.LogRecord) -> bool:
        if self.logger.disabled:
            return True
        try:
            return not self.logger.filter(record)
        except Exception as error:  # a filter of the user's that cannot tell
            _say_once(self.logger, error)
            return False


def get_log(name: str) -> SafeLog:
    """Return the logger `name`, of jqtrade's own modules, such that no call of it raises."""
    return SafeLog(logging.getLogger(name))


def _owner(logger: logging.Logger) -> Optional[OwnLogger]:
    """The OwnLogger that `logger` is, or descends from."""
    current: Optional[logging.Logger] = logger
    while current is not None and not isinstance(current, OwnLogger):
        current = current.parent
    return current


def _handlers(logger: logging.Logger) -> List[logging.Handler]:
    """Every handler that a record of `logger` reaches, as `Logger.callHandlers` finds them."""
    found: List[logging.Handler] = []
    current: Optional[logging.Logger] = logger
    while current is not None:
        found += current.handlers
        current = current.parent if current.propagate else None
    owner = _owner(logger)
    if found or logging.lastResort is None or (owner is not None and owner.own_handlers):
        return found
    return [logging.lastResort]


def _hand_over(handler: logging.Handler, record: logging.LogRecord) -> Optional[KeyboardInterrupt]:
    """Give `record` to `handler`. Returns the user's Ctrl+C, if it came meanwhile."""
    try:
        if record.levelno >= handler.level:
            handler.handle(record)
    except KeyboardInterrupt as interrupt:
        return interrupt
    except BaseException as error:  # whatever it is, the order that this line tells of has been sent
        _say_once(handler, error)
    return None


_said: Set[Tuple[type, type]] = set()


def _say_once(failed: object, error: BaseException) -> None:
    """Tell the standard error of what failed, once for each kind, if that can be done."""
    try:
        kind = (type(failed), type(error))
        if kind in _said:
            return
        _said.add(kind)
        text = f"jqtrade：{kind[0].__name__} 没有记下日志：{kind[1].__name__}: {error}（同样的错误不再重复）\n"
        sys.stderr.write(text)
    except Exception:  # nobody is left who could be told
        pass
