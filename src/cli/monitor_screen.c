/*
 * The live view of `braid monitor`: model and size to lines. Knows no terminal. Only what is on the
 * screen is formatted, so that thousands of connections cost a walk over their counts.
 */
#include "cli/monitor_screen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INDENT       2u
#define RTT_WIDTH    7u
#define RATE_WIDTH   6u
#define RETRY_WIDTH  5u
#define STATE_WIDTH  7u
#define ADDR_LEAST   15u /* an IPv4 address, whole */
#define ADDR_MOST    48u
#define AGE_WIDTH    8u
#define EVENTS_MOST  10u
#define EVENTS_LEAST 12u /* rows of a terminal, below which there is no room for events */

/* SGR parameters: those every terminal has, readable on light and dark alike */
#define STYLE_NONE    "0"
#define STYLE_TITLE   "1;7"
#define STYLE_HEADING "4"
#define STYLE_BOLD    "1"
#define STYLE_DIM     "2"
#define STYLE_GOOD    "32"
#define STYLE_WARN    "33"
#define STYLE_BAD     "31"

/* Where the columns end; 0: not shown. Chosen by width, the same for every line. */
struct columns {
	unsigned interface, addr, rtt, spark, spark_width, up, down, retry, state;
};

struct drawing {
	const struct bri_monitor_model *model;
	const struct bri_screen_view *view;
	struct bri_screen *screen;
	struct columns columns;
	size_t line; /* the next one */
};

int bri_screen_init(struct bri_screen *screen, unsigned width, unsigned height)
{
	width = width < BRI_SCREEN_MAX_WIDTH ? width : BRI_SCREEN_MAX_WIDTH;
	height = height < BRI_SCREEN_MAX_HEIGHT ? height : BRI_SCREEN_MAX_HEIGHT;
	*screen = (struct bri_screen) { .n = height, .stride = BRI_LINE_BYTES(width) };
	screen->bytes = calloc(height ? height : 1, screen->stride);
	return screen->bytes ? 0 : -ENOMEM;
}

void bri_screen_fini(struct bri_screen *screen)
{
	free(screen->bytes);
	memset(screen, 0, sizeof(*screen));
}

static struct columns choose_columns(unsigned width)
{
	struct columns c = { 0 };
	unsigned name = width < 60 ? 6 : width < 120 ? 8 : 15, room;

	c.interface = INDENT + name;
	c.spark_width = width < 60 ? 0 : width < 100 ? 10 : width < 160 ? 20 : BRI_MONITOR_HISTORY;
	/* what stands to the right of the addresses, with a blank before each */
	room = 1 + RTT_WIDTH + 2 * (1 + RATE_WIDTH) + 1 + STATE_WIDTH;
	if (width >= 60)
		room += 1 + RETRY_WIDTH;
	if (c.spark_width)
		room += 1 + c.spark_width;
	if (width >= c.interface + room + 1 + ADDR_LEAST) {
		unsigned left = width - c.interface - room - 1;

		c.addr = c.interface + 1 + (left < ADDR_MOST ? left : ADDR_MOST);
	}
	c.rtt = (c.addr ? c.addr : c.interface) + 1 + RTT_WIDTH;
	c.spark = c.rtt + (c.spark_width ? 1 + c.spark_width : 0);
	c.up = c.spark + 1 + RATE_WIDTH;
	c.down = c.up + 1 + RATE_WIDTH;
	c.retry = width >= 60 ? c.down + 1 + RETRY_WIDTH : 0;
	c.state = (c.retry ? c.retry : c.down) + 1;
	return c;
}

static void begin(const struct drawing *d, struct bri_line *line, size_t number)
{
	unsigned width = d->view->width;

	bri_line_init(line, bri_screen_line(d->screen, number), d->screen->stride,
		width < BRI_SCREEN_MAX_WIDTH ? width : BRI_SCREEN_MAX_WIDTH, d->view->unicode,
		d->view->colour);
}

/* The next line, when there is one below `end`. */
static bool next(struct drawing *d, struct bri_line *line, size_t end)
{
	if (d->line >= end)
		return false;
	begin(d, line, d->line++);
	return true;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void draw_title(struct drawing *d, size_t end)
{
	const struct bri_monitor_model *model = d->model;
	char tx[BRI_MONITOR_NUMBER_SIZE], rx[BRI_MONITOR_NUMBER_SIZE],
		clock[BRI_MONITOR_NUMBER_SIZE];
	uint64_t sum_tx = 0, sum_rx = 0;
	struct bri_line line;

	if (!next(d, &line, end))
		return;
	for (size_t i = 0; i < model->n_tracks; i++) {
		sum_tx += model->tracks[i].tx_rate;
		sum_rx += model->tracks[i].rx_rate;
	}
	bri_monitor_bit_rate(sum_tx, tx);
	bri_monitor_bit_rate(sum_rx, rx);
	bri_monitor_clock(model->wall_ns, clock);
	bri_line_style(&line, STYLE_TITLE);
	if (line.width >= 60)
		bri_line_put(&line, "braid monitor  ");
	bri_line_putf(&line, "%zu connection%s, %zu subflow%s", model->n_tracks,
		plural(model->n_tracks), model->n_paths, plural(model->n_paths));
	if (line.width >= 76)
		bri_line_putf(&line, "  up %s  down %s", tx, rx);
	if (model->cut)
		bri_line_put(&line, "  (too many: some are not shown)");
	if (d->view->paused)
		bri_line_put(&line, "  PAUSED");
	bri_line_right(&line, line.width, clock);
	bri_line_pad(&line, line.width);
	bri_line_style(&line, STYLE_NONE);
}

static void draw_heading(struct drawing *d, size_t end)
{
	const struct columns *c = &d->columns;
	struct bri_line line;

	if (!next(d, &line, end))
		return;
	bri_line_style(&line, STYLE_DIM);
	bri_line_pad(&line, INDENT);
	bri_line_put(&line, "PATH");
	if (c->addr) {
		bri_line_pad(&line, c->interface + 1);
		bri_line_put(&line, "ADDRESS");
	}
	bri_line_right(&line, c->rtt, "RTT");
	if (c->spark_width) {
		bri_line_pad(&line, c->rtt + 1);
		bri_line_put(&line, "TRAFFIC");
	}
	bri_line_right(&line, c->up, "UP b/s");
	bri_line_right(&line, c->down, "DOWN");
	if (c->retry)
		bri_line_right(&line, c->retry, "RETR");
	bri_line_pad(&line, c->state);
	bri_line_put(&line, "STATE");
	bri_line_style(&line, STYLE_NONE);
}

/* "curl[12]  handover  10.0.0.2:5000 > 192.0.2.1:443"; without what does not fit before `end` */
static void put_ends(struct bri_line *line, const struct bri_monitor_connection *now, unsigned end)
{
	const char *arrow = line->unicode ? "\u2192" : ">";
	char local[BRI_MONITOR_ADDR_SIZE], remote[BRI_MONITOR_ADDR_SIZE];
	unsigned room = end > line->columns ? end - line->columns : 0;

	bri_monitor_addr(&now->local, local);
	bri_monitor_addr(&now->remote, remote);
	if (room > strlen(local) + strlen(remote) + 4) {
		bri_line_putf(line, "  %s ", local);
	} else if (room < 12) {
		return;
	} else {
		bri_monitor_addr_short(&now->remote, room - 4, remote);
		bri_line_put(line, "  ");
	}
	bri_line_putf(line, "%s %s", arrow, remote);
}

static void put_rates(struct bri_line *line, const struct columns *c, uint64_t tx, uint64_t rx)
{
	char text[BRI_MONITOR_NUMBER_SIZE];

	bri_monitor_bits(tx, text);
	bri_line_right(line, c->up, text);
	bri_monitor_bits(rx, text);
	bri_line_right(line, c->down, text);
}

static void put_age(
	const struct drawing *d, struct bri_line *line, const struct bri_monitor_track *track)
{
	char age[BRI_MONITOR_NUMBER_SIZE], text[BRI_MONITOR_NUMBER_SIZE + 1];

	bri_monitor_age(d->model->now_ns - track->first_ns, age);
	snprintf(text, sizeof(text), "%s%s", track->older ? ">" : "", age);
	bri_line_right(line, d->columns.up - RATE_WIDTH - 1, text);
}

static void draw_track(
	const struct drawing *d, struct bri_line *line, const struct bri_monitor_track *track)
{
	const struct columns *c = &d->columns;
	bool narrow = !c->addr;
	unsigned end = c->up - RATE_WIDTH - 1 - (narrow ? 0 : AGE_WIDTH + 1), width = line->width;

	bri_line_style(line, STYLE_BOLD);
	line->width = end < width ? end : width; /* a long name must not push the numbers away */
	bri_monitor_put_program(line, track->now.program, track->now.pid);
	bri_line_style(line, STYLE_NONE);
	if (*track->now.service)
		bri_line_putf(line, "  %s", track->now.service);
	put_ends(line, &track->now, line->width);
	line->width = width;
	if (!narrow)
		put_age(d, line, track);
	bri_line_style(line, STYLE_BOLD);
	put_rates(line, c, track->tx_rate, track->rx_rate);
	bri_line_style(line, STYLE_NONE);
	bri_line_pad(line, c->state);
	if (track->now.fallback) {
		bri_line_style(line, STYLE_BAD);
		bri_line_put(line, "TCP");
		bri_line_style(line, STYLE_NONE);
	} else if (track->now.state != 1) {
		bri_line_put(line, "closing");
	}
}

/* The local address; the remote one too where it is another than the connection's. */
static void put_path_addr(struct bri_line *line, const struct bri_monitor_track *track,
	const struct bri_monitor_subflow *now, unsigned room)
{
	char local[BRI_MONITOR_ADDR_SIZE], remote[BRI_MONITOR_ADDR_SIZE];
	bool same = bri_monitor_addr_compare(&now->remote, &track->now.remote) == 0;

	bri_monitor_addr(&now->local, local);
	bri_monitor_addr(&now->remote, remote);
	if (strlen(local) + strlen(remote) + 3 <= room) {
		bri_line_putf(line, "%s %s %s", local, line->unicode ? "\u2192" : ">", remote);
	} else if (same || room < 2 * ADDR_LEAST + 3) {
		bri_monitor_addr_short(&now->local, room, local);
		bri_line_put(line, local);
	} else {
		bri_monitor_addr_short(&now->local, (room - 3) / 2, local);
		bri_monitor_addr_short(&now->remote, (room - 3) / 2, remote);
		bri_line_putf(line, "%s %s %s", local, line->unicode ? "\u2192" : ">", remote);
	}
}

static const char *path_style(const char *word)
{
	switch (*word) {
	case 'a': return STYLE_GOOD;
	case 'b':
	case 'o': return STYLE_WARN;
	default: return STYLE_BAD;
	}
}

/* The highest bar of a connection's sparklines: its paths are to be compared with each other. */
static uint32_t highest(
	const struct drawing *d, const struct bri_monitor_track *track, unsigned samples)
{
	uint32_t max = 0;

	for (size_t i = 0; i < track->n_paths; i++) {
		const uint32_t *history = d->model->paths[track->first_path + i].history;

		for (unsigned k = BRI_MONITOR_HISTORY - samples; k < BRI_MONITOR_HISTORY; k++)
			max = history[k] > max ? history[k] : max;
	}
	return max;
}

static void draw_path(const struct drawing *d, struct bri_line *line,
	const struct bri_monitor_track *track, const struct bri_monitor_path *path)
{
	const struct columns *c = &d->columns;
	const char *word = bri_monitor_path_word(path);
	char text[BRI_MONITOR_NUMBER_SIZE];
	unsigned width = line->width;

	bri_line_pad(line, INDENT);
	line->width = c->interface < width ? c->interface : width;
	bri_line_put(line, *path->now.interface ? path->now.interface : "?");
	line->width = width;
	if (c->addr) {
		bri_line_pad(line, c->interface + 1);
		put_path_addr(line, track, &path->now, c->addr - c->interface - 1);
	}
	bri_monitor_rtt(path->now.rtt_us, text);
	bri_line_right(line, c->rtt, text);
	if (c->spark_width) {
		bri_line_pad(line, c->rtt + 1);
		bri_line_style(line, path_style(word));
		bri_line_spark(line, path->history + BRI_MONITOR_HISTORY - c->spark_width,
			c->spark_width, highest(d, track, c->spark_width));
		bri_line_style(line, STYLE_NONE);
	}
	put_rates(line, c, path->tx_rate, path->rx_rate);
	if (c->retry) {
		snprintf(text, sizeof(text), path->now.retransmits > 9999 ? ">9999" : "%u",
			path->now.retransmits);
		bri_line_right(line, c->retry, text);
	}
	bri_line_pad(line, c->state);
	bri_line_style(line, path_style(word));
	bri_line_put(line, word);
	bri_line_style(line, STYLE_NONE);
}

/* Lines of the list from number `from` on, until `end` on the screen. */
static void draw_list(struct drawing *d, size_t from, size_t end)
{
	const struct bri_monitor_model *model = d->model;
	struct bri_line line;
	size_t at = 0;

	for (size_t i = 0; i < model->n_tracks && d->line < end; i++) {
		const struct bri_monitor_track *track = &model->tracks[model->order[i]];

		if (!bri_monitor_matches(model, track, d->view->filter))
			continue;
		if (at + 1 + track->n_paths <= from) {
			at += 1 + track->n_paths;
			continue;
		}
		if (at++ >= from && next(d, &line, end))
			draw_track(d, &line, track);
		for (size_t k = 0; k < track->n_paths; k++)
			if (at++ >= from && next(d, &line, end))
				draw_path(d, &line, track, &model->paths[track->first_path + k]);
	}
}

static size_t count_list(const struct bri_monitor_model *model, const char *filter)
{
	size_t n = 0;

	for (size_t i = 0; i < model->n_tracks; i++)
		if (bri_monitor_matches(model, &model->tracks[i], filter))
			n += 1 + model->tracks[i].n_paths;
	return n;
}

/* The newest events that are shown, newest first; at most `max`. */
static size_t find_events(const struct bri_monitor_model *model, const char *filter,
	const struct bri_monitor_event **ret, size_t max)
{
	size_t n = 0;

	for (uint64_t i = model->n_events; i-- > 0 && n < max;) {
		const struct bri_monitor_event *event = bri_monitor_model_event(model, i);

		if (!event)
			break;
		if (!event->implied && bri_monitor_event_matches(event, filter))
			ret[n++] = event;
	}
	return n;
}

static void draw_events(
	struct drawing *d, const struct bri_monitor_event *const *events, size_t n, size_t end)
{
	char clock[BRI_MONITOR_NUMBER_SIZE];
	struct bri_line line;

	while (n-- > 0 && next(d, &line, end)) {
		bri_monitor_clock(events[n]->wall_ns, clock);
		bri_line_style(&line, STYLE_DIM);
		bri_line_putf(&line, "%s ", clock);
		bri_line_style(&line, STYLE_NONE);
		bri_monitor_put_event(&line, events[n]);
	}
}

static void draw_rule(struct drawing *d, const char *title, size_t end)
{
	struct bri_line line;

	if (!next(d, &line, end))
		return;
	bri_line_style(&line, STYLE_DIM);
	bri_line_put(&line, line.unicode ? "\u2500\u2500 " : "-- ");
	bri_line_putf(&line, "%s ", title);
	while (line.columns < line.width)
		bri_line_put(&line, line.unicode ? "\u2500" : "-");
	bri_line_style(&line, STYLE_NONE);
}

static void draw_last(struct drawing *d, size_t rows, size_t end)
{
	const struct bri_screen_view *view = d->view;
	char where[64] = "";
	struct bri_line line;

	if (!next(d, &line, end))
		return;
	if (rows > view->page)
		snprintf(where, sizeof(where), "%zu-%zu of %zu", view->scroll + 1,
			bri_min_size(view->scroll + view->page, rows), rows);
	if (view->editing) {
		bri_line_put(&line, "filter: ");
		bri_line_put(&line, view->filter);
		bri_line_put(&line, "_  Enter keeps it, Esc does not");
	} else if (view->message) {
		bri_line_style(&line, STYLE_BAD);
		bri_line_put(&line, view->message);
		bri_line_style(&line, STYLE_NONE);
	} else {
		bri_line_style(&line, STYLE_DIM);
		bri_line_put(&line, "q quit  / filter  p pause");
		if (*where)
			bri_line_put(
				&line, line.unicode ? "  \u2191\u2193 scroll" : "  arrows scroll");
		bri_line_style(&line, STYLE_NONE);
		if (*view->filter) {
			bri_line_put(&line, "  filter: ");
			bri_line_put(&line, view->filter);
			bri_line_put(&line, " (Esc: all)");
		}
	}
	if (*where && line.columns + strlen(where) + 1 < line.width)
		bri_line_right(&line, line.width, where);
}

static void draw_empty(struct drawing *d, size_t end)
{
	struct bri_line line;

	if (!next(d, &line, end))
		return;
	bri_line_pad(&line, INDENT);
	if (d->model->n_tracks)
		bri_line_put(&line, "Nothing matches the filter.");
	else
		bri_line_put(&line, "No Multipath TCP connections.");
}

/* Rows for events: as many as there are, but no more than that; the list has the rest. */
static size_t events_most(size_t height)
{
	if (height >= EVENTS_LEAST)
		return bri_min_size(height / 4, EVENTS_MOST);
	return height >= 8 ? 2 : 0;
}

void bri_screen_draw(const struct bri_monitor_model *model, struct bri_screen_view *view,
	struct bri_screen *screen)
{
	struct drawing d = { .model = model,
		.view = view,
		.screen = screen,
		.columns = choose_columns(view->width) };
	const struct bri_monitor_event *events[EVENTS_MOST];
	size_t height = screen->n, rows = count_list(model, view->filter), top, list_end, n_events;
	struct bri_line line;

	if (height == 0)
		return;
	n_events = find_events(model, view->filter, events, events_most(height));
	top = height >= 5 ? 2 : 0;
	list_end = height - 1 - (n_events ? n_events + 1 : 0);
	view->page = list_end - top;
	if (rows <= view->page)
		view->scroll = 0;
	else if (view->scroll > rows - view->page)
		view->scroll = rows - view->page;

	if (top) {
		draw_title(&d, list_end);
		draw_heading(&d, list_end);
	}
	if (rows)
		draw_list(&d, view->scroll, list_end);
	else
		draw_empty(&d, list_end);
	while (next(&d, &line, list_end))
		;
	if (n_events) {
		draw_rule(&d, "events", height - 1);
		draw_events(&d, events, n_events, height - 1);
	}
	draw_last(&d, rows, height);
}
