// The threads, mutexes and conditions of C11 by those of POSIX, which is what they are in glibc. For builds with TSan,
// which knows only the latter: linked into a program, these are found first by a library that uses C11's, as librdkafka
// does. The result of a thread is always 0.
#include <cerrno>
#include <memory>
#include <pthread.h>
#include <threads.h>

static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && sizeof(cnd_t) >= sizeof(pthread_cond_t));

namespace {

pthread_mutex_t* of(mtx_t* mutex) {
  return reinterpret_cast<pthread_mutex_t*>(mutex);
}
pthread_cond_t* of(cnd_t* condition) {
  return reinterpret_cast<pthread_cond_t*>(condition);
}

int answer(int error) {
  if (error == 0) return thrd_success;
  if (error == ETIMEDOUT) return thrd_timedout;
  return error == EBUSY ? thrd_busy : thrd_error;
}

struct Start {
  thrd_start_t run;
  void* argument;
};

void* run(void* start) {
  const std::unique_ptr<Start> own(static_cast<Start*>(start));
  own->run(own->argument);
  return nullptr;
}

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t run_it, void* argument) {
  auto start = std::make_unique<Start>(Start{run_it, argument});
  const int error = pthread_create(thread, nullptr, run, start.get());
  if (error == 0) static_cast<void>(start.release());
  return answer(error);
}
int thrd_join(thrd_t thread, int* result) {
  if (result != nullptr) *result = 0;
  return answer(pthread_join(thread, nullptr));
}
int thrd_detach(thrd_t thread) {
  return answer(pthread_detach(thread));
}

int mtx_init(mtx_t* mutex, int type) {
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  if ((type & mtx_recursive) != 0) pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
  const int error = pthread_mutex_init(of(mutex), &kind);
  pthread_mutexattr_destroy(&kind);
  return answer(error);
}
int mtx_lock(mtx_t* mutex) {
  return answer(pthread_mutex_lock(of(mutex)));
}
int mtx_trylock(mtx_t* mutex) {
  return answer(pthread_mutex_trylock(of(mutex)));
}
int mtx_unlock(mtx_t* mutex) {
  return answer(pthread_mutex_unlock(of(mutex)));
}
void mtx_destroy(mtx_t* mutex) {
  pthread_mutex_destroy(of(mutex));
}

int cnd_init(cnd_t* condition) {
  return answer(pthread_cond_init(of(condition), nullptr));
}
int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return answer(pthread_cond_wait(of(condition), of(mutex)));
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return answer(pthread_cond_timedwait(of(condition), of(mutex), until));
}
int cnd_signal(cnd_t* condition) {
  return answer(pthread_cond_signal(of(condition)));
}
int cnd_broadcast(cnd_t* condition) {
  return answer(pthread_cond_broadcast(of(condition)));
}
void cnd_destroy(cnd_t* condition) {
  pthread_cond_destroy(of(condition));
}
}
