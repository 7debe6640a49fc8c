"""What a security is, and what it traded at: shared by live, paper and replay.

    boards, securities' codes    account's checks and limits, paper, replay
    calendar                     the scheduler's trading days, check, replay
    sessions, price_rules        paper's checks and matching; bars, which know when was traded
    quotes                       the port: paper asks at what to match, a replay's record what things were worth
    sources/                     who answers: a file for each kind; only whoever puts a process together opens one
    dividends, freshness, funds  paper
    tables                       what all files that users bring have in common

Everything here stands on the ground floor alone.
"""
