/* Life cycle tables. Knows nothing of what happens on an edge. */
#include "stack/life.h"

#include <string.h>

/*
 * A letter is the state entered; '.': nothing happens; '!': cannot happen (establishment runs in
 * preparing only, and leaving preparing ends it).
 */
static const char life_letters[BRI_LIFE_STATES + 1] = "SWPRFC";

static const char *const life_rows[BRI_LIFE_STATES] = {
	/*                      start established exhausted retry lost cancel */
	[BRI_LIFE_SETUP] = "P!!.!C",
	[BRI_LIFE_WAITING] = ".!!PFC",
	[BRI_LIFE_PREPARING] = ".RW.FC",
	[BRI_LIFE_READY] = ".!!.FC",
	[BRI_LIFE_FAILED] = ".!!..C",
	[BRI_LIFE_CANCELLED] = ".!!...",
};

static const char listen_letters[BRI_LISTEN_STATES + 1] = "SWRFC";

static const char *const listen_rows[BRI_LISTEN_STATES] = {
	/*                         bound blocked broken cancel */
	[BRI_LISTEN_SETUP] = "RWFC",
	[BRI_LISTEN_WAITING] = "R.FC",
	[BRI_LISTEN_READY] = "!WFC",
	[BRI_LISTEN_FAILED] = "!!.C",
	[BRI_LISTEN_CANCELLED] = "!!..",
};

/* The state that the row's letter for the event names, or -1 for "nothing happens". */
static int edge(const char *letters, const char *row, int state, int event, const char *what)
{
	const char *letter;

	if (row[event] == '.')
		return -1;
	letter = strchr(letters, row[event]);
	if (!letter)
		bri_abort("%s in state %c: event %d cannot happen", what, letters[state], event);
	return (int)(letter - letters);
}

bool bri_life_step(enum bri_life *state, enum bri_life_event event)
{
	int next = edge(life_letters, life_rows[*state], (int)*state, (int)event, "connection");

	if (next < 0)
		return false;
	*state = (enum bri_life)next;
	return true;
}

bool bri_listen_step(enum bri_listen_life *state, enum bri_listen_event event)
{
	int next = edge(listen_letters, listen_rows[*state], (int)*state, (int)event, "listener");

	if (next < 0)
		return false;
	*state = (enum bri_listen_life)next;
	return true;
}

const char *bri_life_row(enum bri_life state)
{
	return life_rows[state];
}

const char *bri_listen_row(enum bri_listen_life state)
{
	return listen_rows[state];
}
