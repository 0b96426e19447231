# SPDX-License-Identifier: Apache-2.0
#
# Judges the TAP of one test file. Prints "PASSED FAILED SKIPPED"; writes to the file `report`
# what a person has to read: each failing test with the lines that belong to it, each skip with
# its reason, the counts of injected faults ("# points: ..."). Further variables: status (exit
# status of the file), limit (its seconds), ci ("true": a skip must name a missing kernel
# feature, "# SKIP kernel: ...").
#
# bats puts the lines that belong to a result after it, but for those that a test writes while it
# runs, and a skip's reason on the result line;
# cmocka prints both lines after a failure, and the reason on a "# SKIP" line before the result.

function say(text) { print "       " text > report }

function fail(text)
{
	failed++
	say("not ok: " text)
}

BEGIN { printf "" > report }

{ sub(/\r$/, "") }

/^1\.\.[0-9]+/ {
	planned += substr($1, 4)
	next
}

/^(not )?ok / {
	reported++
	showing = 0
	name = $0
	sub(/^(not )?ok [0-9]* *(- )?/, "", name)
	if (tolower($0) ~ /# skip/) {
		why = tolower(name) ~ /# skip +kernel: / ? name : name " " reason
		if (ci == "true" && tolower(why) !~ /# skip +kernel: [^ ]/) {
			fail(name " (skipped without naming a missing kernel feature)")
		} else {
			skipped++
			say("skipped: " why)
		}
	} else if (/^not /) {
		fail(name)
		for (i = 0; i < written; i++)
			say("| " heard[i])
		showing = 1
	} else {
		passed++
	}
	reason = ""
	written = 0
	next
}

# What a test has written before it failed; behind another that failed it was shown already.
/^#/ && !showing { heard[written++] = $0 }

/^# SKIP / { reason = $0 }

# How much a test went through, where a count is part of what it proves.
/^# points: / && !showing { say(substr($0, 3)) }

showing { say("| " $0) }

{ tail[NR % 20] = $0 }

END {
	if (status == 124)
		fail("did not end within " limit " s")
	else if (status == 137)
		fail("was killed, by itself or after " limit " s")
	else if (status != 0 && failed == 0 && reported == planned)
		fail("exit status " status " though no test failed")
	if (reported == 0)
		fail("no test reported (exit status " status ")")
	else if (reported < planned) {
		fail("from test " reported + 1 " to " planned ": no report (exit status " status ")")
		failed += planned - reported - 1
	} else if (reported > planned)
		fail(planned " tests planned, " reported " reported")
	if (!showing && (reported == 0 || reported < planned))
		for (i = NR + 1; i <= NR + 20; i++)
			if (i % 20 in tail)
				say("| " tail[i % 20])
	print passed + 0, failed + 0, skipped + 0
}
