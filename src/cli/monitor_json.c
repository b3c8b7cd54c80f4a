/* `braid monitor` as JSON: the keys are documented in braid-monitor(1). */
#include <time.h>
#include "cli/json.h"
#include "cli/monitor_output.h"

static void put_time(struct bri_json *json, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / BRI_NS_PER_S);
	char date[32], text[48];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(date, sizeof(date), "%FT%T", &tm) == 0) {
		bri_json_null(json, "time");
		return;
	}
	snprintf(text, sizeof(text), "%s.%03uZ", date,
		(unsigned)(wall_ns % BRI_NS_PER_S / BRI_NS_PER_MS));
	bri_json_string(json, "time", text);
}

static void put_addr(struct bri_json *json, const char *key, const struct bri_monitor_addr *addr)
{
	char text[BRI_MONITOR_ADDR_SIZE];

	bri_monitor_addr(addr, text);
	bri_json_string(json, key, addr->ip.family ? text : NULL);
}

static void put_name(struct bri_json *json, const char *key, const char *name)
{
	bri_json_string(json, key, *name ? name : NULL);
}

static void put_pid(struct bri_json *json, int32_t pid)
{
	if (pid > 0)
		bri_json_number(json, "pid", pid);
	else
		bri_json_null(json, "pid");
}

static void put_us(struct bri_json *json, const char *key, uint32_t us)
{
	if (us)
		bri_json_unsigned(json, key, us);
	else
		bri_json_null(json, key);
}

static void put_path(struct bri_json *json, const struct bri_monitor_path *path)
{
	const struct bri_monitor_subflow *now = &path->now;

	bri_json_object(json, NULL);
	bri_json_unsigned(json, "id", now->cookie);
	put_name(json, "interface", now->interface);
	put_addr(json, "local", &now->local);
	put_addr(json, "remote", &now->remote);
	bri_json_unsigned(json, "local_id", now->local_id);
	bri_json_unsigned(json, "remote_id", now->remote_id);
	bri_json_string(json, "state", bri_monitor_tcp_state(now->state));
	bri_json_bool(json, "backup", now->backup_local || now->backup_remote);
	bri_json_bool(json, "stalled", path->stalled);
	put_us(json, "rtt_us", now->rtt_us);
	put_us(json, "min_rtt_us", now->min_rtt_us);
	bri_json_unsigned(json, "cwnd", now->cwnd);
	bri_json_unsigned(json, "tx_bytes", now->tx_bytes);
	bri_json_unsigned(json, "rx_bytes", now->rx_bytes);
	bri_json_unsigned(json, "tx_bytes_per_s", path->tx_rate);
	bri_json_unsigned(json, "rx_bytes_per_s", path->rx_rate);
	bri_json_unsigned(json, "retransmits", now->retransmits);
	bri_json_unsigned(json, "retransmitted_bytes", now->retransmitted_bytes);
	bri_json_end_object(json);
}

static void put_track(struct bri_json *json, const struct bri_monitor_model *model,
	const struct bri_monitor_track *track)
{
	const struct bri_monitor_connection *now = &track->now;

	bri_json_object(json, NULL);
	bri_json_unsigned(json, "id", now->cookie);
	bri_json_unsigned(json, "token", now->token);
	put_name(json, "program", now->program);
	put_pid(json, now->pid);
	bri_json_unsigned(json, "uid", now->uid);
	put_name(json, "service", now->service);
	put_addr(json, "local", &now->local);
	put_addr(json, "remote", &now->remote);
	bri_json_string(json, "state", bri_monitor_tcp_state(now->state));
	bri_json_bool(json, "multipath", !now->fallback);
	bri_json_unsigned(json, "seen_ms", (model->now_ns - track->first_ns) / BRI_NS_PER_MS);
	bri_json_bool(json, "older", track->older);
	bri_json_unsigned(json, "tx_bytes", track->tx_bytes);
	bri_json_unsigned(json, "rx_bytes", track->rx_bytes);
	bri_json_unsigned(json, "tx_bytes_per_s", track->tx_rate);
	bri_json_unsigned(json, "rx_bytes_per_s", track->rx_rate);
	bri_json_array(json, "subflows");
	for (size_t i = 0; i < track->n_paths; i++)
		put_path(json, &model->paths[track->first_path + i]);
	bri_json_end_array(json);
	bri_json_end_object(json);
}

static void put_event(struct bri_json *json, const struct bri_monitor_event *event)
{
	bri_json_object(json, NULL);
	put_time(json, event->wall_ns);
	bri_json_string(json, "event", bri_monitor_kind_name(event->kind));
	if (event->kind == BRI_MONITOR_DAEMON)
		bri_json_string(json, "text", event->text);
	bri_json_unsigned(json, "token", event->token);
	put_name(json, "program", event->program);
	put_pid(json, event->pid);
	put_name(json, "interface", event->interface);
	put_addr(json, "local", &event->local);
	put_addr(json, "remote", &event->remote);
	bri_json_unsigned(json, "tx_bytes", event->tx_bytes);
	bri_json_unsigned(json, "rx_bytes", event->rx_bytes);
	bri_json_end_object(json);
}

void bri_monitor_json(const struct bri_monitor_model *model, const char *filter, FILE *file)
{
	struct bri_json json;

	bri_json_init(&json, file);
	json.one_line = true;
	bri_json_object(&json, NULL);
	put_time(&json, model->wall_ns);
	bri_json_unsigned(&json, "interval_ms", model->interval_ns / BRI_NS_PER_MS);
	bri_json_bool(&json, "complete", model->complete && !model->cut);
	bri_json_array(&json, "connections");
	for (size_t i = 0; i < model->n_tracks; i++) {
		const struct bri_monitor_track *track = &model->tracks[model->order[i]];

		if (bri_monitor_matches(model, track, filter))
			put_track(&json, model, track);
	}
	bri_json_end_array(&json);
	bri_json_array(&json, "events");
	for (uint64_t i = model->n_before; i < model->n_events; i++) {
		const struct bri_monitor_event *event = bri_monitor_model_event(model, i);

		if (event && bri_monitor_event_matches(event, filter))
			put_event(&json, event);
	}
	bri_json_end_array(&json);
	bri_json_end_object(&json);
}

void bri_monitor_json_events(const struct bri_monitor_model *model, const char *filter, FILE *file)
{
	struct bri_json json;

	for (uint64_t i = model->n_before; i < model->n_events; i++) {
		const struct bri_monitor_event *event = bri_monitor_model_event(model, i);

		if (!event || !bri_monitor_event_matches(event, filter))
			continue;
		bri_json_init(&json, file);
		json.one_line = true;
		put_event(&json, event);
	}
}
