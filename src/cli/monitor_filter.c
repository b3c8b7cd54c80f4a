/* What of `braid monitor` a filter lets through. Does no I/O. */
#include <string.h>
#include "cli/monitor_format.h"

static bool has(const char *text, const char *filter)
{
	return strcasestr(text, filter) != NULL;
}

static bool has_addr(const struct bri_monitor_addr *addr, const char *filter)
{
	char text[BRI_MONITOR_ADDR_SIZE];

	bri_monitor_addr(addr, text);
	return has(text, filter);
}

bool bri_monitor_matches(const struct bri_monitor_model *model,
	const struct bri_monitor_track *track, const char *filter)
{
	if (!*filter || has(track->now.program, filter) || has(track->now.service, filter) ||
		has_addr(&track->now.local, filter) || has_addr(&track->now.remote, filter))
		return true;
	for (size_t i = 0; i < track->n_paths; i++) {
		const struct bri_monitor_subflow *subflow =
			&model->paths[track->first_path + i].now;

		if (has(subflow->interface, filter) || has_addr(&subflow->local, filter) ||
			has_addr(&subflow->remote, filter))
			return true;
	}
	return false;
}

bool bri_monitor_event_matches(const struct bri_monitor_event *event, const char *filter)
{
	return !*filter || has(event->program, filter) || has(event->interface, filter) ||
	       has(event->text, filter) || has_addr(&event->local, filter) ||
	       has_addr(&event->remote, filter);
}
