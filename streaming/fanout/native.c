/* The native fan-out: a thread of its own encrypts bursts of RTP packets for every viewer and hands them
 * to the kernel. It never touches Python, so neither the interpreter's lock nor a busy event loop holds
 * the picture up, and a large audience does not hold up those who join.
 *
 * libsrtp is not linked: pylibsrtp's own srtp_protect is passed in as a pointer, so that both sides use
 * the same sessions. A session is used under its line's lock only. Packets of equal length that follow
 * each other travel as one UDP_SEGMENT message (the kernel cuts them apart again), which halves the cost
 * per packet where a frame has several. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define MESSAGES 64       /* messages a sendmmsg call carries */
#define ARENA (256 * 1024)
#define SEGMENTS 44       /* packets of one UDP_SEGMENT message; the kernel's limit is 64 and 64 KiB */
#define SEGMENT_BYTES 60000
#define MAX_PACKET 1500
#define TRAILER 144
#define QUEUE 8192        /* bursts that may wait */
#define STALE_MS 500      /* a burst that waited longer is of no use to anyone */

typedef struct job {
  struct job *next;
  group_t *group;
  audience_t *audience;
  struct timespec posted;
  int packets;
  int *lengths;
  uint8_t *blob;
} job_t;

typedef struct {
  /* the queue, under `lock` */
  pthread_mutex_t lock;
  pthread_cond_t more, idle;
  job_t *first, *last;
  int queued, busy, stop;
  struct timespec begun; /* the burst in hand */
  pthread_t thread;
  uint64_t stale;
  /* the thread's own */
  int fd, wait_ms, patience;
  int segmentation; /* 0 once the kernel or the device has refused UDP_SEGMENT */
  protect_t protect;
  group_t *group;
  struct mmsghdr message[MESSAGES];
  struct iovec vector[MESSAGES];
  _Alignas(struct cmsghdr) uint8_t control[MESSAGES][SOURCE + CMSG_SPACE(sizeof(uint16_t))];
  uint8_t name[MESSAGES][ADDRESS];
  line_t *owner[MESSAGES];
  int packets[MESSAGES];
  int segment[MESSAGES];
  int count, used;
  uint8_t arena[ARENA];
} sender_t;

/* -- sending: the thread ----------------------------------------------------------------------------- */

static int wait_for_room(sender_t *s) {
  struct pollfd p = {s->fd, POLLOUT, 0};
  if (s->patience <= 0) return 0;
  s->patience -= 5;
  return poll(&p, 1, 5) > 0;
}

static int full(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

/* Send a segmented message packet by packet. */
static void send_single(sender_t *s, int index) {
  struct msghdr h = s->message[index].msg_hdr;
  uint8_t *at = s->vector[index].iov_base, *end = at + s->vector[index].iov_len;
  h.msg_controllen -= CMSG_SPACE(sizeof(uint16_t)); /* UDP_SEGMENT stands last */
  while (at < end) {
    size_t length = s->segment[index];
    if (length > (size_t)(end - at)) length = end - at;
    struct iovec vector = {at, length};
    h.msg_iov = &vector;
    ssize_t r = sendmsg(s->fd, &h, MSG_DONTWAIT);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0 && full(errno) && wait_for_room(s)) continue;
    if (r < 0) ADD(s->owner[index]->dropped, 1);
    else ADD(s->group->sent, 1);
    at += length;
  }
}

static void refused(sender_t *s, int index, int error) {
  int segmented = s->packets[index] > 1;
  if (segmented && (error == EINVAL || error == EIO || error == EMSGSIZE || error == ENOPROTOOPT)) {
    if (error != EMSGSIZE) s->segmentation = 0;
    send_single(s, index);
  } else {
    ADD(s->owner[index]->dropped, s->packets[index]);
  }
}

static void flush(sender_t *s) {
  int done = 0;
  while (done < s->count) {
    int r = sendmmsg(s->fd, s->message + done, s->count - done, MSG_DONTWAIT);
    if (r > 0) {
      int packets = 0;
      for (int i = done; i < done + r; i++) packets += s->packets[i];
      ADD(s->group->sent, packets);
      done += r;
      continue;
    }
    if (r < 0 && errno == EINTR) continue;
    if (r < 0 && full(errno) && wait_for_room(s)) continue;
    refused(s, done, errno);
    done++;
  }
  s->count = 0;
  s->used = 0;
}

static void open_message(sender_t *s, line_t *l, uint8_t *data, int length) {
  int i = s->count++;
  struct msghdr *h = &s->message[i].msg_hdr;
  memset(h, 0, sizeof *h);
  memcpy(s->name[i], l->address, l->address_length);
  s->vector[i].iov_base = data;
  s->vector[i].iov_len = length;
  h->msg_name = s->name[i];
  h->msg_namelen = l->address_length;
  h->msg_iov = &s->vector[i];
  h->msg_iovlen = 1;
  if (l->source_length) {
    memcpy(s->control[i], l->source, l->source_length);
    h->msg_control = s->control[i];
    h->msg_controllen = l->source_length;
  }
  s->owner[i] = l;
  s->packets[i] = 1;
  s->segment[i] = length;
}

/* Append to the open message of this viewer; 0 where the packet needs one of its own. */
static int extend_message(sender_t *s, line_t *l, int length, int closed) {
  int i = s->count - 1;
  struct msghdr *h;
  struct cmsghdr *c;
  if (!s->segmentation || closed || i < 0 || s->owner[i] != l) return 0;
  if (length > s->segment[i] || s->packets[i] >= SEGMENTS) return 0;
  if (s->vector[i].iov_len + length > SEGMENT_BYTES) return 0;
  h = &s->message[i].msg_hdr;
  if (s->packets[i] == 1) {
    c = (struct cmsghdr *)(s->control[i] + h->msg_controllen);
    h->msg_control = s->control[i];
    h->msg_controllen += CMSG_SPACE(sizeof(uint16_t));
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    *(uint16_t *)CMSG_DATA(c) = (uint16_t)s->segment[i];
  }
  s->vector[i].iov_len += length;
  s->packets[i]++;
  return 1;
}

/* With the line's lock held. */
static void one_viewer(sender_t *s, line_t *l, uint32_t payload_type, const job_t *job) {
  const uint8_t *blob = job->blob;
  int closed = 1; /* a shorter packet ends a segmented message */
  for (int j = 0; j < job->packets; blob += job->lengths[j++]) {
    int length = job->lengths[j];
    uint8_t *data;
    if (length < 12 || length > MAX_PACKET) continue;
    if (s->count == MESSAGES || s->used + MAX_PACKET + TRAILER > ARENA) {
      flush(s);
      closed = 1;
    }
    data = s->arena + s->used;
    memcpy(data, blob, length);
    data[1] |= (uint8_t)payload_type;
    if (s->protect(l->srtp, data, &length) != 0) {
      ADD(l->dropped, 1);
      closed = 1;
      continue;
    }
    if (!extend_message(s, l, length, closed)) {
      open_message(s, l, data, length);
      closed = 0;
    } else if (length < s->segment[s->count - 1]) {
      closed = 1;
    }
    s->used += length;
  }
}

static void serve(sender_t *s, job_t *job) {
  s->group = job->group;
  s->patience = s->wait_ms;
  for (int i = 0; i < job->audience->count; i++) {
    line_t *l = job->audience->seats[i].line;
    pthread_mutex_lock(&l->lock);
    if (l->srtp) one_viewer(s, l, job->audience->seats[i].payload_type, job);
    pthread_mutex_unlock(&l->lock);
  }
  flush(s);
}

static void job_free(job_t *job) {
  audience_free(job->audience);
  group_free(job->group);
  free(job->lengths);
  free(job->blob);
  free(job);
}

static int64_t ms_since(struct timespec then) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)(now.tv_sec - then.tv_sec) * 1000 + (now.tv_nsec - then.tv_nsec) / 1000000;
}

static int stale(const job_t *job) { return ms_since(job->posted) > STALE_MS; }

static void *run(void *self) {
  sender_t *s = self;
  pthread_mutex_lock(&s->lock);
  for (;;) {
    job_t *job = s->first;
    if (!job) {
      pthread_cond_broadcast(&s->idle);
      if (s->stop) break;
      pthread_cond_wait(&s->more, &s->lock);
      continue;
    }
    s->first = job->next;
    if (!s->first) s->last = NULL;
    s->queued--;
    s->busy = 1;
    clock_gettime(CLOCK_MONOTONIC, &s->begun);
    pthread_mutex_unlock(&s->lock);
    if (stale(job)) ADD(s->stale, 1);
    else serve(s, job);
    job_free(job);
    pthread_mutex_lock(&s->lock);
    s->busy = 0;
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

/* -- the queue ----------------------------------------------------------------------------------------- */

sender_t *sender_new(int fd, void *protect, int wait_ms) {
  sender_t *s = calloc(1, sizeof(sender_t));
  if (!s) return NULL;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->more, NULL);
  pthread_cond_init(&s->idle, NULL);
  s->fd = fd;
  s->protect = (protect_t)protect;
  s->wait_ms = wait_ms;
  s->segmentation = 1;
  if (pthread_create(&s->thread, NULL, run, s) != 0) { free(s); return NULL; }
  return s;
}

/* Sends what is queued, then ends the thread. */
void sender_free(sender_t *s) {
  pthread_mutex_lock(&s->lock);
  s->stop = 1;
  pthread_cond_signal(&s->more);
  pthread_mutex_unlock(&s->lock);
  pthread_join(s->thread, NULL);
  free(s);
}

/* Whether runs of equal packets may travel as one UDP_SEGMENT message: tests switch it off, as a kernel may. */
void sender_segmentation(sender_t *s, int on) { s->segmentation = on; }

uint64_t sender_stale(sender_t *s) { return GET(s->stale); }

/* How long the thread has been at one burst, or has left one lying: 0 where it has nothing to do. A thread that is
 * dead or stuck is known by this alone. */
int64_t sender_late_ms(sender_t *s) {
  int64_t late = 0;
  if (pthread_mutex_trylock(&s->lock) != 0) return 0; /* it moves: the lock is never held for long */
  if (s->busy) late = ms_since(s->begun);
  else if (s->first) late = ms_since(s->first->posted);
  pthread_mutex_unlock(&s->lock);
  return late;
}

/* Wait until everything posted so far has been sent. */
void sender_drain(sender_t *s) {
  pthread_mutex_lock(&s->lock);
  while (s->first || s->busy) pthread_cond_wait(&s->idle, &s->lock);
  pthread_mutex_unlock(&s->lock);
}

/* Queue a burst for a group; 0 where it was not taken (no memory, or the thread is far behind). */
int group_send(sender_t *s, group_t *g, const uint8_t *blob, int size, const int *lengths, int packets) {
  job_t *job = calloc(1, sizeof(job_t));
  if (!job) return 0;
  job->lengths = malloc(packets * sizeof(int));
  job->blob = malloc(size);
  if (!job->lengths || !job->blob) { free(job->lengths); free(job->blob); free(job); return 0; }
  memcpy(job->lengths, lengths, packets * sizeof(int));
  memcpy(job->blob, blob, size);
  job->packets = packets;
  job->group = g;
  job->audience = g->audience;
  ADD(g->references, 1);
  ADD(g->audience->references, 1);
  clock_gettime(CLOCK_MONOTONIC, &job->posted);
  pthread_mutex_lock(&s->lock);
  int taken = s->queued < QUEUE;
  if (taken) {
    if (s->last) s->last->next = job;
    else s->first = job;
    s->last = job;
    s->queued++;
    pthread_cond_signal(&s->more);
  }
  pthread_mutex_unlock(&s->lock);
  if (!taken) job_free(job);
  return taken;
}
