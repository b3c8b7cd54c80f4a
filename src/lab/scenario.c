/* Scenario text to configuration; the grammar is in the header. Knows nothing of running labs. */
#include "lab/scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "lab/check.h"

#define MAX_LINE  512
#define MAX_WORDS 64
#define MAX_TIME  (24 * 3600 * BRI_NS_PER_S)

struct parser {
	char line[MAX_LINE];
	char *words[MAX_WORDS + 1]; /* NULL at the end */
	size_t n_words, at;
	unsigned line_no; /* 0: not in a file */
	char *why;
	size_t why_size;
	struct bri_scenario *scenario;
};

struct unit {
	const char *name;
	uint64_t factor;
};

static int complain(struct parser *p, const char *fmt, ...) BRI_PRINTF(2, 3);

static int complain(struct parser *p, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (p->why && p->why_size && p->line_no)
		snprintf(p->why, p->why_size, "line %u: %s", p->line_no, text);
	else if (p->why && p->why_size)
		snprintf(p->why, p->why_size, "%s", text);
	return -EINVAL;
}

static const char *next_word(struct parser *p)
{
	return p->at < p->n_words ? p->words[p->at++] : NULL;
}

/* Splits a line in place; what comes after # is not there. */
static int split(struct parser *p, const char *text, size_t len)
{
	char *save = p->line;

	p->n_words = p->at = 0;
	if (len >= MAX_LINE)
		return complain(p, "longer than %d characters", MAX_LINE - 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '#') {
			len = i;
			break;
		}
		if ((c < ' ' && c != '\t' && c != '\r') || c > '~')
			return complain(p, "character %u is not printable ASCII", c);
	}
	memcpy(p->line, text, len);
	p->line[len] = 0;
	for (char *word; (word = strsep(&save, " \t\r"));) {
		if (!*word)
			continue;
		if (p->n_words == MAX_WORDS)
			return complain(p, "more than %d words", MAX_WORDS);
		p->words[p->n_words++] = word;
	}
	return 0;
}

/* digits[.digits]unit, exactly, in integers; units end with { NULL }. A bare 0 needs no unit. */
static bool parse_quantity(const char *word, const struct unit *units, uint64_t max, uint64_t *ret)
{
	uint64_t whole = 0, part = 0, scale = 1;
	const char *s = word;

	if (!isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++) {
		if (s - word >= 12)
			return false;
		whole = whole * 10 + (uint64_t)(*s - '0');
	}
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s) && scale < 1000000; s++, scale *= 10)
			part = part * 10 + (uint64_t)(*s - '0');
		if (scale == 1)
			return false;
	}
	if (!*s && !whole && !part) {
		*ret = 0;
		return true;
	}
	for (; units->name; units++) {
		unsigned __int128 value;

		if (strcmp(s, units->name))
			continue;
		value = (unsigned __int128)whole * units->factor +
			(unsigned __int128)part * units->factor / scale;
		if (value > max)
			return false;
		*ret = (uint64_t)value;
		return true;
	}
	return false;
}

static const struct unit times[] = { { "ns", 1 }, { "us", BRI_NS_PER_US }, { "ms", BRI_NS_PER_MS },
	{ "s", BRI_NS_PER_S }, { "m", 60 * BRI_NS_PER_S }, { NULL, 0 } };
static const struct unit rates[] = { { "bit", 1 }, { "kbit", 1000 }, { "mbit", 1000000 },
	{ "gbit", 1000000000 }, { NULL, 0 } };
static const struct unit sizes[] = { { "", 1 }, { "k", 1024 }, { "m", 1024 * 1024 }, { NULL, 0 } };
static const struct unit percents[] = { { "%", 10000 }, { NULL, 0 } };
static const struct unit counts[] = { { "", 1 }, { NULL, 0 } };

static int take_quantity(struct parser *p, const char *what, const struct unit *units, uint64_t max,
	const char *example, uint64_t *ret)
{
	const char *word = next_word(p);

	if (!word)
		return complain(p, "%s: a value is missing, for example %s", what, example);
	if (!parse_quantity(word, units, max, ret))
		return complain(
			p, "%s %.40s: not a value in range, for example %s", what, word, example);
	return 0;
}

static int take_middlebox(struct parser *p, enum bri_lab_mptcp *ret)
{
	const char *word = next_word(p);

	for (int i = 0; word && i <= (int)BRI_LAB_MPTCP_DROP_SYN; i++) {
		if (!strcmp(word, bri_scenario_mptcp_word((enum bri_lab_mptcp)i))) {
			*ret = (enum bri_lab_mptcp)i;
			return 0;
		}
	}
	return complain(p, "mptcp %.40s: pass, strip, strip-data or drop-syn", word ? word : "");
}

/* One setting into link and *set. Returns 1 when `word` is none. */
static int take_setting(
	struct parser *p, const char *word, struct bri_lab_link *link, uint32_t *set)
{
	uint64_t loss = 0;
	int r;

	if (!strcmp(word, "delay")) {
		*set |= BRI_LAB_SET_DELAY;
		return take_quantity(p, word, times, BRI_LAB_MAX_DELAY_NS, "10ms", &link->delay_ns);
	}
	if (!strcmp(word, "jitter")) {
		*set |= BRI_LAB_SET_JITTER;
		return take_quantity(p, word, times, BRI_LAB_MAX_DELAY_NS, "2ms", &link->jitter_ns);
	}
	if (!strcmp(word, "rate")) {
		*set |= BRI_LAB_SET_RATE;
		return take_quantity(
			p, word, rates, BRI_LAB_MAX_RATE_BPS, "50mbit", &link->rate_bps);
	}
	if (!strcmp(word, "queue")) {
		*set |= BRI_LAB_SET_QUEUE;
		return take_quantity(p, word, sizes, BRI_LAB_MAX_QUEUE, "64k", &link->queue_bytes);
	}
	if (!strcmp(word, "mptcp")) {
		*set |= BRI_LAB_SET_MPTCP;
		return take_middlebox(p, &link->mptcp);
	}
	if (strcmp(word, "loss"))
		return 1;
	*set |= BRI_LAB_SET_LOSS;
	r = take_quantity(p, word, percents, 1000000, "0.5%", &loss);
	link->loss_ppm = (uint32_t)loss;
	return r;
}

/* to-server, to-client, both: the mask they stand for; 0: another word. */
static uint32_t direction_mask(const char *word)
{
	if (!strcmp(word, "to-server"))
		return 1u << BRI_LAB_TO_SERVER;
	if (!strcmp(word, "to-client"))
		return 1u << BRI_LAB_TO_CLIENT;
	return !strcmp(word, "both") ? 3 : 0;
}

static bool take_state(const char *word, struct bri_lab_change *change)
{
	static const char *const states[] = { "up", "down", "silent" };

	for (size_t i = 0; i < BRI_LEN(states); i++) {
		if (!strcmp(word, states[i])) {
			change->set |= BRI_LAB_SET_STATE;
			change->state = (enum bri_lab_state)i;
			return true;
		}
	}
	if (strcmp(word, "addaddr") && strcmp(word, "deladdr"))
		return false;
	change->set |= BRI_LAB_SET_ADDRESS;
	change->address = word[0] == 'a';
	return true;
}

/* The rest of the line as changes. Returns how many. */
static int take_changes(struct parser *p, struct bri_lab_change changes[BRI_SCENARIO_MAX_CHANGES])
{
	const char *word;
	int n = 0;

	changes[0] = (struct bri_lab_change) { .directions = 3 };
	while ((word = next_word(p))) {
		struct bri_lab_change *change = &changes[n];
		uint32_t mask = direction_mask(word);
		int r = 0;

		if (mask && change->set && ++n == BRI_SCENARIO_MAX_CHANGES)
			return complain(
				p, "more than %d changes in one line", BRI_SCENARIO_MAX_CHANGES);
		if (mask)
			changes[n] = (struct bri_lab_change) { .directions = mask };
		else if (!take_state(word, change))
			r = take_setting(p, word, &change->link, &change->set);
		if (r > 0)
			return complain(p, "'%.40s' is not a change", word);
		if (r < 0)
			return r;
	}
	if (!changes[n].set)
		return complain(p, "a change is missing, for example: silent");
	return n + 1;
}

static int find_path(const struct bri_lab_config *config, const char *name)
{
	for (uint32_t i = 0; i < config->n_paths; i++) {
		if (!strcmp(config->paths[i].name, name))
			return (int)i;
	}
	return -1;
}

static void merge_link(struct bri_lab_link *link, const struct bri_lab_link *from, uint32_t set)
{
	if (set & BRI_LAB_SET_DELAY)
		link->delay_ns = from->delay_ns;
	if (set & BRI_LAB_SET_JITTER)
		link->jitter_ns = from->jitter_ns;
	if (set & BRI_LAB_SET_RATE)
		link->rate_bps = from->rate_bps;
	if (set & BRI_LAB_SET_QUEUE)
		link->queue_bytes = from->queue_bytes;
	if (set & BRI_LAB_SET_LOSS)
		link->loss_ppm = from->loss_ppm;
	if (set & BRI_LAB_SET_MPTCP)
		link->mptcp = from->mptcp;
}

static int take_path_words(struct parser *p, struct bri_lab_path_config *path)
{
	uint32_t mask = 3;
	const char *word;

	while ((word = next_word(p))) {
		struct bri_lab_link link = { 0 };
		uint32_t new_mask = direction_mask(word), set = 0;
		uint64_t mtu = 0;
		int r = 0;

		if (new_mask) {
			mask = new_mask;
		} else if (!strcmp(word, "backup")) {
			path->backup = true;
		} else if (!strcmp(word, "mtu")) {
			r = take_quantity(p, word, counts, 1500, "1400", &mtu);
			if (r == 0 && mtu < 1280)
				return complain(p, "mtu must be 1280 to 1500");
			path->mtu = (uint32_t)mtu;
		} else {
			r = take_setting(p, word, &link, &set);
		}
		if (r > 0)
			return complain(p, "'%.40s' is not a setting of a path", word);
		if (r < 0)
			return r;
		for (unsigned d = 0; d < 2; d++) {
			if (mask & 1u << d)
				merge_link(&path->link[d], &link, set);
		}
	}
	return 0;
}

static int take_path(struct parser *p)
{
	struct bri_lab_config *config = &p->scenario->config;
	struct bri_lab_path_config *path;
	const char *name = next_word(p);

	if (!name)
		return complain(p, "path: a name is missing, for example: path wlan delay 10ms");
	if (!bri_lab_check_name(name))
		return complain(
			p, "'%.40s' is not a name for a path (1 to 15 of A-Z a-z 0-9 . _ -)", name);
	if (find_path(config, name) >= 0)
		return complain(p, "path %s is there already", name);
	if (config->n_paths == BRI_LAB_MAX_PATHS)
		return complain(p, "more than %d paths", BRI_LAB_MAX_PATHS);
	path = &config->paths[config->n_paths++];
	memcpy(path->name, name, strlen(name) + 1);
	return take_path_words(p, path);
}

static int take_at(struct parser *p)
{
	struct bri_lab_change changes[BRI_SCENARIO_MAX_CHANGES];
	struct bri_lab_config *config = &p->scenario->config;
	uint64_t at_ns;
	const char *name;
	int path, n, r;

	r = take_quantity(p, "at", times, MAX_TIME, "3s", &at_ns);
	if (r < 0)
		return r;
	name = next_word(p);
	if (!name)
		return complain(p, "at: a path is missing, for example: at 3s wlan silent");
	path = find_path(config, name);
	if (path < 0)
		return complain(p, "there is no path '%.40s' above this line", name);
	n = take_changes(p, changes);
	for (int i = 0; i < n; i++) {
		if (config->n_events == BRI_LAB_MAX_EVENTS)
			return complain(p, "more than %d events", BRI_LAB_MAX_EVENTS);
		p->scenario->events[config->n_events++] = (struct bri_lab_event) {
			.at_ns = at_ns, .path = (uint32_t)path, .change = changes[i]
		};
	}
	return n < 0 ? n : 0;
}

static int take_mptcp(struct parser *p)
{
	struct bri_lab_config *config = &p->scenario->config;
	const char *word = next_word(p), *value;

	if (word && !strcmp(word, "off")) {
		config->mptcp_off = true;
		return 0;
	}
	value = next_word(p);
	if (!word || !value || strcmp(word, "endpoints") ||
		(strcmp(value, "on") && strcmp(value, "off")))
		return complain(p, "mptcp: expected 'endpoints on', 'endpoints off' or 'off'");
	config->mptcp_endpoints = !strcmp(value, "on");
	return 0;
}

static int take_seed(struct parser *p)
{
	const char *word = next_word(p);
	char *end;

	if (!word || !isdigit((unsigned char)*word))
		return complain(p, "seed: a number is missing, for example: seed 42");
	errno = 0;
	p->scenario->config.seed = strtoull(word, &end, 0);
	if (*end || errno)
		return complain(p, "seed %.40s: not a number below 2^64", word);
	p->scenario->has_seed = true;
	return 0;
}

static int take_end(struct parser *p)
{
	if (p->scenario->end_ns != BRI_NEVER)
		return complain(p, "end is there already");
	return take_quantity(p, "end", times, MAX_TIME, "60s", &p->scenario->end_ns);
}

static int take_statement(struct parser *p)
{
	static const struct {
		const char *word;
		int (*take)(struct parser *p);
	} statements[] = {
		{ "path", take_path },
		{ "at", take_at },
		{ "end", take_end },
		{ "seed", take_seed },
		{ "mptcp", take_mptcp },
	};
	const char *word = next_word(p);

	if (!word)
		return 0;
	for (size_t i = 0; i < BRI_LEN(statements); i++) {
		int r;

		if (strcmp(word, statements[i].word))
			continue;
		r = statements[i].take(p);
		if (r == 0 && p->at < p->n_words)
			return complain(p, "'%.40s' is too much", p->words[p->at]);
		return r;
	}
	return complain(p, "'%.40s' is not path, at, end, seed or mptcp", word);
}

/* By time; events of one time stay in the order they were written. */
static void sort_events(struct bri_scenario *scenario)
{
	for (uint32_t i = 1; i < scenario->config.n_events; i++) {
		struct bri_lab_event event = scenario->events[i];
		uint32_t k = i;

		for (; k > 0 && scenario->events[k - 1].at_ns > event.at_ns; k--)
			scenario->events[k] = scenario->events[k - 1];
		scenario->events[k] = event;
	}
}

static int parse_lines(struct parser *p, const char *text, size_t len)
{
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end ? (size_t)(end - text) : len;
		int r;

		p->line_no++;
		r = split(p, text, line_len);
		if (r == 0)
			r = take_statement(p);
		if (r < 0)
			return r;
		line_len += end != NULL;
		text += line_len;
		len -= line_len;
	}
	p->line_no = 0;
	if (!p->scenario->config.n_paths)
		return complain(p, "there is no path in it");
	if (p->scenario->config.mptcp_off && p->scenario->config.mptcp_endpoints)
		return complain(p, "'mptcp off' and 'mptcp endpoints on' exclude each other");
	return 0;
}

int bri_scenario_parse(
	const char *text, size_t len, char *why, size_t why_size, struct bri_scenario **ret)
{
	struct parser p = { .why = why, .why_size = why_size };
	int r;

	if (len > BRI_SCENARIO_MAX_BYTES)
		return complain(&p, "longer than %d bytes", BRI_SCENARIO_MAX_BYTES);
	p.scenario = calloc(1, sizeof(*p.scenario));
	if (!p.scenario)
		return -ENOMEM;
	p.scenario->end_ns = BRI_NEVER;
	r = parse_lines(&p, text, len);
	if (r < 0) {
		free(p.scenario);
		return r;
	}
	sort_events(p.scenario);
	p.scenario->config.events = p.scenario->events;
	*ret = p.scenario;
	return 0;
}

int bri_scenario_parse_changes(const char *text, char *why, size_t why_size,
	struct bri_lab_change changes[BRI_SCENARIO_MAX_CHANGES])
{
	struct parser p = { .why = why, .why_size = why_size };
	int r = split(&p, text, strlen(text));

	return r < 0 ? r : take_changes(&p, changes);
}
