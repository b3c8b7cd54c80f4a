/* `braid monitor` as plain text: one block for each look. Knows no terminal. */
#include "cli/monitor_output.h"

#define WIDTH 400u /* a log's line may be long, but ends */

static void end_line(struct bri_line *line, FILE *file)
{
	while (line->used > 0 && line->text[line->used - 1] == ' ')
		line->text[--line->used] = 0;
	fprintf(file, "%s\n", line->text);
}

static void put_rate(struct bri_line *line, const char *word, uint64_t rate, uint64_t total)
{
	char bits[BRI_MONITOR_NUMBER_SIZE], bytes[BRI_MONITOR_NUMBER_SIZE];

	bri_monitor_bit_rate(rate, bits);
	bri_monitor_bytes(total, bytes);
	bri_line_putf(line, "  %s %s (%s)", word, bits, bytes);
}

static void print_path(const struct bri_monitor_path *path, bool unicode, FILE *file)
{
	char text[BRI_LINE_BYTES(WIDTH)], addr[BRI_MONITOR_ADDR_SIZE], rtt[BRI_MONITOR_NUMBER_SIZE];
	struct bri_line line;

	bri_line_init(&line, text, sizeof(text), WIDTH, unicode, false);
	bri_line_put(&line, "  ");
	bri_line_put(&line, *path->now.interface ? path->now.interface : "?");
	bri_line_pad(&line, 12);
	bri_line_putf(&line, " %-7s ", bri_monitor_path_word(path));
	bri_monitor_addr(&path->now.local, addr);
	bri_line_put(&line, addr);
	bri_monitor_addr(&path->now.remote, addr);
	bri_line_putf(&line, " > %s", addr);
	bri_monitor_rtt(path->now.rtt_us, rtt);
	bri_line_putf(&line, "  rtt %s", rtt);
	put_rate(&line, "up", path->tx_rate, path->now.tx_bytes);
	put_rate(&line, "down", path->rx_rate, path->now.rx_bytes);
	bri_line_putf(&line, "  retransmits %u", path->now.retransmits);
	end_line(&line, file);
}

static void print_track(const struct bri_monitor_model *model,
	const struct bri_monitor_track *track, bool unicode, FILE *file)
{
	char text[BRI_LINE_BYTES(WIDTH)], addr[BRI_MONITOR_ADDR_SIZE], age[BRI_MONITOR_NUMBER_SIZE];
	struct bri_line line;

	bri_line_init(&line, text, sizeof(text), WIDTH, unicode, false);
	bri_monitor_put_program(&line, track->now.program, track->now.pid);
	bri_line_putf(&line, "  %s  ", *track->now.service ? track->now.service : "-");
	bri_monitor_addr(&track->now.local, addr);
	bri_line_put(&line, addr);
	bri_monitor_addr(&track->now.remote, addr);
	bri_line_putf(&line, " > %s", addr);
	bri_monitor_age(model->now_ns - track->first_ns, age);
	bri_line_putf(&line, "  age %s%s", track->older ? ">" : "", age);
	put_rate(&line, "up", track->tx_rate, track->tx_bytes);
	put_rate(&line, "down", track->rx_rate, track->rx_bytes);
	if (track->now.fallback)
		bri_line_put(&line, "  fell back to TCP");
	end_line(&line, file);
	for (size_t i = 0; i < track->n_paths; i++)
		print_path(&model->paths[track->first_path + i], unicode, file);
}

static void print_events(
	const struct bri_monitor_model *model, const char *filter, bool unicode, FILE *file)
{
	char text[BRI_LINE_BYTES(WIDTH)], clock[BRI_MONITOR_NUMBER_SIZE];
	struct bri_line line;

	for (uint64_t i = model->n_before; i < model->n_events; i++) {
		const struct bri_monitor_event *event = bri_monitor_model_event(model, i);

		if (!event || event->implied || !bri_monitor_event_matches(event, filter))
			continue;
		bri_monitor_clock(event->wall_ns, clock);
		bri_line_init(&line, text, sizeof(text), WIDTH, unicode, false);
		bri_line_putf(&line, "* %s ", clock);
		bri_monitor_put_event(&line, event);
		end_line(&line, file);
	}
}

void bri_monitor_text(
	const struct bri_monitor_model *model, const char *filter, bool unicode, FILE *file)
{
	char clock[BRI_MONITOR_NUMBER_SIZE];

	bri_monitor_clock(model->wall_ns, clock);
	fprintf(file, "%s  %zu connection%s, %zu subflow%s%s%s\n", clock, model->n_tracks,
		model->n_tracks == 1 ? "" : "s", model->n_paths, model->n_paths == 1 ? "" : "s",
		model->cut ? ", more than can be shown" : "",
		model->complete ? "" : ", changing while being read");
	for (size_t i = 0; i < model->n_tracks; i++) {
		const struct bri_monitor_track *track = &model->tracks[model->order[i]];

		if (bri_monitor_matches(model, track, filter))
			print_track(model, track, unicode, file);
	}
	print_events(model, filter, unicode, file);
}
